"""Start the simulator: `python -m simulator --bind HOST:PORT`."""

from simulator.command import command

if __name__ == "__main__":
    command(prog_name="simulator")
