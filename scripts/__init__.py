"""Commands (the executable files) and the Python code behind them."""
