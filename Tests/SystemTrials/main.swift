import TrialSupport

run(["children": children])
