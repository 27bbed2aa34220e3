import ArgumentParser
import CrypTen
import ExampleSupport

/// What one party doesn't show the others: the original's four scenarios.
enum Hidden: String, CaseIterable, ExpressibleByArgument {
    /// Party 0 has the examples, party 1 their labels.
    case labels
    /// Each party has other columns of the same examples, the last one also the labels.
    case features
    /// Each party has examples of its own, with their labels.
    case rows
    /// Party 0 has a machine, party 1 examples with labels.
    case model

    /// Who has what, in words.
    func roles(of parties: Int) -> String {
        switch self {
        case .labels: "party 0 has the examples, party 1 their labels; the weights are shared among \(parties) parties"
        case .features: "each of \(parties) parties has some columns of all examples, the last one also the labels"
        case .rows: "each of \(parties) parties has some of the examples, with their labels"
        case .model: "party 0 has a machine that it trained on its own, party 1 examples with labels to test it"
        }
    }

    /// The examples and their labels, each from whom has it, masked for training.
    func data(of points: LabelledPoints, on session: Session) async throws -> TensorDataset {
        let (count, width) = (points.labels.shape[0], points.features.shape[1])
        let last = PartyID(session.partyCount - 1)
        switch self {
        case .labels, .model:
            let x = try await session.input(from: .party(0)) { points.features }
            let y = try await session.input(from: .party(1)) { points.labels }
            return try await TensorDataset(x, y, on: session)
        case .features:
            var parts: [CrypTensor] = []
            for (party, columns) in evenParts(of: width, among: session.partyCount).enumerated() {
                parts.append(try await session.input(from: PartyID(party)) { points.features.columns(columns) })
            }
            let y = try await session.input(from: last) { points.labels }
            return try await TensorDataset(joined(columns: parts), y, on: session)
        case .rows:
            var (parts, labels): ([CrypTensor], [CrypTensor]) = ([], [])
            for (party, rows) in evenParts(of: count, among: session.partyCount).enumerated() {
                parts.append(try await session.input(from: PartyID(party)) { points.features.rows(rows) })
                labels.append(try await session.input(from: PartyID(party)) { points.labels.rows(rows) })
            }
            return try await TensorDataset(joined(rows: parts), joined(rows: labels), on: session)
        }
    }
}
