import CrypTen
import CrypTenONNX

extension Training {
    /// How well a network does on examples that it wasn't trained with: told to the recipient alone.
    func score(_ network: ONNXModule, _ test: TensorDataset, _ session: Session) async throws -> TrainingScores? {
        // As many rows at a time as a step takes, and more where steps are small.
        let size = max(batchSize, 256)
        var scores: [CrypTensor] = []
        for start in stride(from: 0, to: test.count, by: size) {
            progress("testing", Double(start) / Double(test.count))
            let rows = Array(start..<min(start + size, test.count))
            let batch = test[rows]
            let value = try self.scores(network, Array(batch.dropLast()))
            scores += try await session.evaluate([value])
        }
        let all = concatenate(scores, axis: 0)
        let labels = test.tensors[test.tensors.count - 1]
        var metrics: [CrypTensor] = []
        switch loss.labels {
        case .classes:
            metrics = [(all.argmax(axis: 1) .== labels.argmax(axis: 1)).toInteger().sum()]
        case .bits:
            metrics = [((all.flatten() .> 0) .== (labels .> 0.5)).toInteger().sum()]
        case .numbers:
            metrics = [mseLoss(all, labels)]
        }
        let told = try await session.reveal(metrics, to: .party(recipient.index))
        try await session.release(scores)
        guard let told else { return nil }
        var result = TrainingScores()
        switch loss.labels {
        case .classes, .bits: result.accuracy = told[0].doubles[0] / Double(test.count)
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
