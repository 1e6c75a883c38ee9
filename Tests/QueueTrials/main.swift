import TrialSupport

run(
    stompTrials.merging(brokerTroubleTrials) { $1 }.merging(hostileBrokerTrials) { $1 }.merging(zmqTrials) { $1 })
