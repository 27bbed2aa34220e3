import CrypTenBase
import CrypTenSharing
import Foundation

/// What party 0 tells the others to do next: all parties of a cell do the same in the same order, and one of them says what.
enum CellCommand: Codable, Sendable {
    /// A request as JSON has it.
    struct Candidate: Codable, Sendable {
        var client: String
        var epoch: String
        var id: String
        var form: [UInt8]
        var rows: Int
    }

    /// Nothing: the cell lives.
    case idle
    /// Another epoch begins.
    case epoch(String)
    /// Run those of some requests that all parties have.
    case batch(model: String, version: String, candidates: [Candidate])
    /// Have a run dealt ahead.
    case prepare(model: String, version: String, size: Int, bucket: [[Int]])
    /// A model's owner has another file: all load it.
    case load(model: String)
    /// End the session in good order.
    case close

    func encoded() throws -> [UInt8] {
        Array(try JSONEncoder().encode(self))
    }

    /// - Throws: `.malformedFrame` for what can't be read.
    init(decoding bytes: [UInt8], from party: PartyID) throws {
        do {
            self = try JSONDecoder().decode(CellCommand.self, from: Data(bytes))
        } catch {
            throw CrypTenError(.malformedFrame, "\(party) gave a command that can't be read; it runs another version")
        }
    }
}

extension CellCommand.Candidate {
    init(_ candidate: RequestTable.Candidate) {
        client = candidate.key.client
        (epoch, id) = (candidate.key.epoch.description, candidate.key.id.description)
        (form, rows) = (candidate.form.bytes, candidate.rows)
    }

    /// nil for what names no request.
    var candidate: RequestTable.Candidate? {
        guard let epoch = Epoch(epoch), let id = RequestID(id), rows >= 0 else { return nil }
        return RequestTable.Candidate(
            key: RequestKey(client: client, epoch: epoch, id: id),
            form: RequestForm(bytes: form),
            rows: rows
        )
    }
}

/// What each party says to a command before it is carried out.
struct CellNote: Codable, Sendable {
    /// Of each candidate of a batch, what it has.
    var statuses: [UInt8] = []
    /// Models whose file has changed at their owner.
    var changed: [String] = []
    /// Whether it is about to leave.
    var isLeaving = false
    /// Whether this epoch has used up its ids there.
    var isEpochFull = false
}
