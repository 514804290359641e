"""What is fitted: bins, gate features, ridge experts and their global reference, gates, and the routing that mixes."""
