import TrialSupport

run(["children": children, "failed-starts": failedStarts])
