"""The neural factorisation machine (He and Chua 2017) on item ids: loss, training, ranking."""
