"""What training took: means, sums and prices."""

from scripts.compare import summarise_training


class TestTraining:
    SUMMARY = {
        "rows": 10, "tokens": 100, "trained_tokens": 200, "masked_tokens": 0, "steps": 5, "epochs": 2.0, "tokens_read": 200, "seconds": 60.0,
        "tokens_per_second": 3.0, "final_loss": 0.5, "gpus": 2, "gpu_hours": 2.0,
        "gpu_hours_useful": 1.5, "truncated_tokens": 0, "packing_efficiency": 0.9, "attempts": 2, "samples_per_second": 1.0,
        "mfu": 0.4, "energy_kwh": None, "peak_memory_mib": 9.0,
    }  # fmt: skip

    def test_cost_is_hours_times_price(self) -> None:
        summaries = [self.SUMMARY | {"run": f"a-t{seed}", "arm": "a", "seed": seed} for seed in (1, 2)]
        arms = summarise_training.arm_table(summarise_training.run_table(summaries, cost_per_gpu_hour=3.5))
        assert (arms["runs"][0], arms["gpu_hours"][0], arms["cost"][0], arms["seconds"][0]) == (2, 4.0, 14.0, 60.0)

    def test_without_a_price_there_is_no_cost(self) -> None:
        runs = summarise_training.run_table([self.SUMMARY | {"run": "a-t1", "arm": "a", "seed": 1}], None)
        arms = summarise_training.arm_table(runs)
        assert arms["cost"].isna().all() and arms["energy_kwh"].isna().all() and arms["mfu"][0] == 0.4
