"""How fast is the collector, beside the least it could do? Ratios, measured side by side in one run."""
