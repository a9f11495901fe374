"""Numbers of the LIMOPro paper (2505.19187) that the report prints beside ours."""

# Table 1: share of the steps by pattern.
SHARES = {
    "S1K": {"progressive": 0.714, "verification": 0.092, "multi_method": 0.139, "error_correction": 0.055},
    "LIMO": {"progressive": 0.597, "verification": 0.118, "multi_method": 0.109, "error_correction": 0.176},
    "LIMO-V2": {"progressive": 0.643, "verification": 0.098, "multi_method": 0.127, "error_correction": 0.132},
}
# Table 5: tokens of LIMO, and what is left of them by prune ratio.
LIMO_TOKENS = 5_144_004
LIMO_LEFT = {0.2: 4_971_633, 0.5: 4_542_101, 0.8: 4_220_217}
RATIOS = tuple(LIMO_LEFT)
