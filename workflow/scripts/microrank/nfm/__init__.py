"""The Neural Factorization Machine (He & Chua 2017) on item ids: model, exact fast loss, training, ranking, evaluation."""
