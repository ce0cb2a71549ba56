"""Results as lines on a terminal and as Markdown."""

WORKS = {
    "step": "step",
    "adversarial": "PGD-10 step",
    "evaluate": "evaluation",
    "forward": "forward",
    "input_gradient": "gradient of the input",
    "weight_gradient": "gradient of the weight",
}

TITLES = {
    "steps": "Whole steps",
    "memory": "Peak memory",
    "scaling": "Two threads against two processes",
    "layers": "Convolutions, batch 64",
    "growth": "Growth of the convnet's step",
}


def number(x):
    return f"{x:.0f}" if x >= 100 else f"{x:.1f}" if x >= 10 else f"{x:.2f}"


def disturbed(entry):
    return entry.get("others", 0) > 0.1


def line_of(entry):
    """One measurement on one line."""
    head = f"{entry['letter']} {entry['case']:44} {WORKS[entry['work']]:23} {entry['threads']} thr "
    if entry["part"] == "scaling":
        processes, threads = entry["processes_scaling"], entry["threads_scaling"]
        return head + f"threads x{threads:.2f}, processes x{processes:.2f}, share {entry['share']:.2f} (target 0.9)"
    unit = "mib" if entry["part"] == "memory" else "ms"
    ours, torch = number(entry[f"ours_{unit}"]), number(entry[f"torch_{unit}"])
    target = f" (target {entry['target']:.2f})" if entry["target"] else ""
    busy = f"  DISTURBED: others use {entry['others']:.2f} processors" if disturbed(entry) else ""
    return head + f"{ours:>8} {torch:>8} {unit}  ratio {entry['ratio']:.2f}{target}  {entry['variant']}{busy}"


def table(columns, rows):
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def aim(entry):
    if not entry["target"]:
        return ""
    return f"{entry['target']:.2f}" + ("" if entry["ratio"] <= entry["target"] else " missed")


def compared(entries):
    def row(entry):
        low, high = entry["ratios"]
        return [
            f"({entry['letter']}) {entry['case']}",
            WORKS[entry["work"]],
            str(entry["threads"]),
            number(entry["ours_ms"]),
            number(entry["torch_ms"]),
            f"**{entry['ratio']:.2f}**",
            f"{low:.2f} to {high:.2f}" + (" (disturbed)" if disturbed(entry) else ""),
            aim(entry),
            number(entry["faults"]),
            entry["variant"],
        ]

    columns = ["case", "work", "threads", "fsched ms", "PyTorch ms", "ratio", "range", "target", "faults"]
    return table([*columns, "PyTorch's fastest"], [row(entry) for entry in entries])


def memory(entries):
    def row(entry):
        mib = [number(entry["ours_mib"]), number(entry["torch_mib"])]
        return [f"({entry['letter']}) {entry['case']}", WORKS[entry["work"]], *mib, f"**{entry['ratio']:.2f}**", aim(entry)]

    return table(["case", "work", "fsched MiB", "PyTorch MiB", "ratio", "target"], [row(entry) for entry in entries])


def scaling(entries):
    def row(entry):
        ms = [number(entry[f"{name}_ms"]) for name in ("one", "threads", "processes")]
        factors = [f"{entry[f'{name}_scaling']:.2f}" for name in ("threads", "processes")]
        share = f"**{entry['share']:.2f}**"
        return [f"({entry['letter']}) {entry['case']}", WORKS[entry["work"]], *ms, *factors, share]

    columns = ["case", "work", "1 thread ms", "2 threads ms", "2 processes ms", "threads", "processes", "share"]
    return table(columns, [row(entry) for entry in entries])


def markdown(results):
    about, settings = results["machine"], results["settings"]
    compiled = "also through torch.compile" if settings["compile"] else "without torch.compile"
    text = [
        f"{about['date']} UTC, {about['processor']}, {about['cores']} cores; fsched {about['fsched']} on "
        f"{about['instructions']}, PyTorch {about['torch']} on {about['torch_instructions']}, {compiled}; "
        f"{settings['rounds']} rounds of {settings['seconds']} s a side.\n"
    ]
    tables = {"memory": memory, "scaling": scaling}
    for part, title in TITLES.items():
        entries = [entry for entry in results["measured"] if entry["part"] == part]
        if entries:
            text.append(f"### {title}\n\n{tables.get(part, compared)(entries)}")
    if results["checks"]:
        works = ["step", "evaluate", "adversarial"]

        def row(check):
            differences = [check["largest_difference"].get(work) for work in works]
            return [check["case"], f"{check['parameters']:,}", *("" if d is None else f"{d:.1e}" for d in differences)]

        columns = ["case", "parameters", "3 steps", "evaluation", "PGD-10 step"]
        rows = [row(check) for check in results["checks"]]
        text.append(f"### Relative difference of the losses, same weights and batch\n\n{table(columns, rows)}")
    failures = {failure for entry in results["measured"] for failure in entry.get("failures", [])}
    notes = [*results["notes"], *sorted(failures)]
    if notes:
        text.append("### Not measured\n\n" + "\n".join(f"- {note}" for note in notes) + "\n")
    return "\n".join(text)
