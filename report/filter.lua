-- What Quarto does and plain pandoc does not: numbered cross-references, labelled equations, alternative texts.
-- Only the fallback engine uses it, before --citeproc. scripts/report/rendering.py has checked that every reference resolves.
local typst = FORMAT:match("typst") ~= nil
local KINDS = { fig = "Figure", tbl = "Table", sec = "Section", eq = "Equation" }
local numbers = {}
local counts = { fig = 0, tbl = 0, eq = 0 }
local sections = { 0, 0, 0, 0, 0, 0 }

local function kind_of(id)
  local kind = id and id:match("^(%a+)%-")
  return KINDS[kind] and kind
end

local function number(id)
  local kind = kind_of(id)
  if kind and counts[kind] then
    counts[kind] = counts[kind] + 1
    numbers[id] = tostring(counts[kind])
  end
end

-- Typst numbers its captions itself.
local function with_number(caption, id)
  if typst or not numbers[id] then
    return caption
  end
  local label = pandoc.Span({ pandoc.Str(KINDS[kind_of(id)] .. "\u{a0}" .. numbers[id] .. "."), pandoc.Space() }, { class = "label" })
  if #caption.long == 0 then
    caption.long = { pandoc.Plain({ label }) }
  else
    caption.long[1].content:insert(1, label)
  end
  return caption
end

local function equation(math, id)
  number(id)
  if typst then
    local source = pandoc.write(pandoc.Pandoc({ pandoc.Plain({ math }) }), "typst"):gsub("%s+$", "")
    return pandoc.RawInline("typst", '#math.equation(block: true, numbering: "(1)", ' .. source .. ") <" .. id .. ">")
  end
  local tag = pandoc.Span({ pandoc.Str("(" .. numbers[id] .. ")") }, { class = "number" })
  return pandoc.Span({ math, tag }, { id = id, class = "equation" })
end

-- $$...$$ {#eq-x}
local function equations(inlines)
  local out, i = pandoc.Inlines({}), 1
  while i <= #inlines do
    local this, label = inlines[i], inlines[i + 1]
    local skip = 1
    if label and (label.t == "Space" or label.t == "SoftBreak") then
      label, skip = inlines[i + 2], 2
    end
    local id = this.t == "Math" and label and label.t == "Str" and label.text:match("^{#(eq%-[%w_-]+)}$")
    if id then
      out:insert(equation(this, id))
      i = i + skip
    else
      out:insert(this)
    end
    i = i + 1
  end
  return out
end

local function header(h)
  if not h.classes:includes("unnumbered") then
    sections[h.level] = sections[h.level] + 1
    for level = h.level + 1, 6 do
      sections[level] = 0
    end
    numbers[h.identifier] = table.concat(sections, ".", 1, h.level)
  end
end

local function floating(element)
  number(element.identifier)
  element.caption = with_number(element.caption, element.identifier)
  return element, false
end

local function image(img)
  local alt = img.attributes["fig-alt"]
  if alt then
    img.caption = { pandoc.Str(alt) }
    img.attributes["fig-alt"] = nil
  end
  return img
end

local function reference(cite)
  local out = pandoc.Inlines({})
  for place, item in ipairs(cite.citations) do
    local kind = kind_of(item.id)
    if not kind then
      return nil
    end
    if place > 1 then
      out:insert(pandoc.Str(", "))
    end
    if typst then
      out:insert(pandoc.RawInline("typst", "#ref(<" .. item.id .. ">)"))
    else
      out:insert(pandoc.Link({ pandoc.Str(KINDS[kind] .. "\u{a0}" .. numbers[item.id]) }, "#" .. item.id))
    end
  end
  return out
end

return {
  { Inlines = equations, Image = image },
  { traverse = "topdown", Header = header, Figure = floating, Table = floating },
  { Cite = reference },
}
