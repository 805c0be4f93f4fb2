"""What proposes: pure functions of candles, which decide nothing."""
