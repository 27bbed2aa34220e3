import CrypTen
import CrypTenONNX

extension Training {
    /// Examples that the network is tested with, and how many at a time.
    struct Test {
        var data: TensorDataset
        var size: Int

        /// Of how many rows at most the area under the curve is found: each is compared with all others.
        static let mostRanked = 2048
    }

    /// How well a network does on examples that it wasn't trained with: told to the recipient alone.
    func score(_ network: ONNXModule, _ test: Test, _ session: Session) async throws -> TrainingScores? {
        let (data, size) = (test.data, test.size)
        var scores: [CrypTensor] = []
        for start in stride(from: 0, to: data.count, by: size) {
            let batch = data[Array(start..<min(start + size, data.count))]
            let value = try self.scores(network, Array(batch.dropLast()))
            scores += try await session.evaluate([value])
        }
        let all = concatenate(scores, axis: 0)
        let labels = data.tensors[data.tensors.count - 1]
        var metrics: [CrypTensor]
        switch loss.labels {
        case .classes:
            metrics = [correctPredictions(all, labels: labels)]
        case .bits:
            metrics = [correctBinaryPredictions(all.flatten(), labels: labels)]
            if data.count <= Test.mostRanked { metrics.append(areaUnderROC(all.flatten(), labels: labels)) }
        case .numbers:
            metrics = [meanSquaredError(all, labels)]
        }
        let told = try await session.reveal(metrics, to: .party(recipient.index))
        try await session.release(scores)
        guard let told else { return nil }
        var result = TrainingScores()
        switch loss.labels {
        case .classes: result.accuracy = told[0].doubles[0] / Double(data.count)
        case .bits:
            result.accuracy = told[0].doubles[0] / Double(data.count)
            result.auc = told.count > 1 ? told[1].doubles[0] : nil
        case .numbers: result.meanSquaredError = told[0].doubles[0]
        }
        return result
    }
}

/// How well a network does.
struct TrainingScores: Codable, Sendable {
    /// The part of rows whose label is found.
    var accuracy: Double?
    /// The area under the receiver operating characteristic.
    var auc: Double?
    var meanSquaredError: Double?
}
