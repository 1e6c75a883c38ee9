"""Tables for people."""


def table(headings, rows):
    """Plain text columns: the first to the left, figures to the right."""
    cells = [headings] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    lines = []
    for row in cells:
        figures = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append("  ".join([row[0].ljust(widths[0]), *figures]).rstrip())
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def spread(figures, digits):
    return f"{figures['min']:.{digits}f} – {figures['max']:.{digits}f}"


def scenario_table(result, name):
    lanes = result["lanes"]
    floor = next(iter(lanes))
    rows = [
        (
            lane,
            f"{figures['requests_per_second']:,.0f}",
            f"{figures['cpu_us_per_request']:.3f}",
            f"{figures['ratio']['median']:.3f}",
            spread(figures["ratio"], 3),
            f"{figures['server_core_share'] * 100:.0f} %",
            f"{figures['client_cpu_us_per_request']:.3f}",
        )
        for lane, figures in lanes.items()
    ]
    headings = ["server", "requests/s", "CPU µs/request", f"× {floor}", "min – max", "core busy", "client µs"]
    return f"{name}: {result['load']}\n\n{table(headings, rows)}"


def handler_table(result, name):
    """What an `async` handler costs over a plain one, on the same server in the same round."""
    lanes = result["lanes"]
    rows = []
    for lane, figures in lanes.items():
        if lane == figures["reference"]:
            continue
        plain = lanes[figures["reference"]]
        rows.append(
            (
                figures["reference"],
                f"{plain['cpu_us_per_request']:.3f}",
                f"{figures['cpu_us_per_request']:.3f}",
                f"{figures['difference_us']['median']:+.3f}",
                spread(figures["difference_us"], 3),
                f"{figures['ratio']['median']:.3f}",
            )
        )
    headings = ["server", "CPU µs/request: /", f"/{name}", "difference", "min – max", "ratio"]
    return f"{name}: {result['load']}\n\n{table(headings, rows)}"


def scenario_text(result, name):
    return handler_table(result, name) if name in ("async", "await") else scenario_table(result, name)


def calls_text(results, shown=8, least=0.005):
    parts = []
    for name, servers in results.items():
        rows = []
        for server, figures in servers.items():
            top = [f"{call} {each:.3f}" for call, each in figures["calls"].items() if each >= least]
            rows.append((server, f"{figures['total']:.3f}", "  ".join(top[:shown])))
        width = max(len(row[2]) for row in rows)
        rows = [(server, total, calls.ljust(width)) for server, total, calls in rows]
        heading = "of these".ljust(width)
        parts.append(f"system calls per request, {name}\n\n{table(['server', 'total', heading], rows)}")
    return "\n\n".join(parts)


def per_request_text(results, title, digits):
    servers = list(dict.fromkeys(server for each in results.values() for server in each))
    rows = []
    for server in servers:
        figures = [each[server]["per_request"] if server in each else None for each in results.values()]
        rows.append([server, *("–" if figure is None else f"{figure:,.{digits}f}" for figure in figures)])
    return f"{title}\n\n{table(['server', *results], rows)}"


def memory_text(results):
    rows = [
        (
            server,
            f"{figures['connections']:,}",
            f"{figures['pss_before'] / 1024:,.0f}",
            f"{figures['pss_after'] / 1024:,.0f}",
            f"{figures['bytes_per_connection']:,.0f}",
        )
        for server, figures in results.items()
    ]
    headings = ["server", "connections", "Pss before, KiB", "Pss after, KiB", "bytes per connection"]
    return f"memory of idle connections\n\n{table(headings, rows)}"
