"""The page that compares several recommenders: results/recommenders.md."""
