import CrypTen

/// A training run whose parties are threads of this process, followed in the clear.
struct CheckedTraining: Sendable {
    var parties: Int
    var fractionBits: Int
    var slabBits: Int
    /// Who makes the correlations.
    var correlations = CorrelationSetting.dealer
    var compute = Compute()
    var training: Training

    /// Trains.
    ///
    /// - Throws: `.outOfRange` with the step and the layer of the first number that leaves its range.
    func run() async throws -> TrainingReport {
        var configuration = SessionConfiguration()
        configuration.fractionBits = fractionBits
        configuration.slabBits = slabBits
        correlations.apply(to: &configuration)
        compute.apply(to: &configuration)
        let (training, fractionBits) = (training, fractionBits)
        let reports = try await withInsecureCheckedParties(
            parties,
            configuration: configuration,
            comparesResults: false
        ) { session in
            var own = training
            if session.party == PartyID(0) {
                own.progress = { ProgressLine.show("\(Int($1 * 100)) %  checking \($0)") }
            }
            return try await own.run(own.readFiles(of: session.party, fractionBits: fractionBits), on: session)
        }
        return TrainingReport(
            parties: reports,
            dealer: DealerReport(dealerBytes: 0, work: WorkTimes()),
            recipient: training.recipient.index
        )
    }
}
