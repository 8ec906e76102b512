"""What passed between two beams? Vehicles, people and those that turn back."""
