import TrialSupport

run(
    [stompTrials, brokerTroubleTrials, hostileBrokerTrials, natsTrials, zmqTrials].reduce([:]) { $0.merging($1) { $1 } }
)
