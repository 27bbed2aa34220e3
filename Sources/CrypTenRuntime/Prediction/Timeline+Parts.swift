/// What a run's time goes to.
extension Timeline {
    /// Follows a party back from its end: through its computing to the last frame that it waited for, to that one's sender
    /// when it sent it, and so on to the beginning.
    func parts(endingAt party: Int) -> Prediction.Parts {
        let dealer = traces.count - 1
        var parts = Prediction.Parts()
        var (member, end) = (party, engines[party].finish)
        var unseen = engines.map { $0.waits.count }
        while true {
            while unseen[member] > 0, engines[member].waits[unseen[member] - 1].end > end { unseen[member] -= 1 }
            guard unseen[member] > 0 else {
                add(end, to: &parts, isDealer: member == dealer, \.computing)
                return parts
            }
            unseen[member] -= 1
            let wait = engines[member].waits[unseen[member]]
            let frame = frames[wait.frame]
            let isDealer = member == dealer || frame.from == dealer
            add(end - wait.end, to: &parts, isDealer: member == dealer, \.computing)
            let (onLink, onWay) = (frame.left - frame.entered, setting.network.roundTrip / 2)
            add(onLink, to: &parts, isDealer: isDealer, \.bandwidth)
            add(onWay, to: &parts, isDealer: isDealer, \.latency)
            add(frame.delivered - frame.sent - onLink - onWay, to: &parts, isDealer: isDealer, \.computing)
            (member, end) = (frame.from, frame.sent)
        }
    }

    private func add(
        _ seconds: Double,
        to parts: inout Prediction.Parts,
        isDealer: Bool,
        _ part: WritableKeyPath<Prediction.Parts, Double>
    ) {
        parts[keyPath: isDealer ? \.dealer : part] += seconds
    }
}
