import CrypTenBase
public import Foundation

/// n parties that answer questions together, and that see neither these nor the answers unless all of them put their shares together.
///
/// Its file says who they are, in the order of their numbers, and by what each is known:
///
///     {"cell": "bank", "parties": [
///         {"name": "clinic", "url": "https://clinic.example:8443", "fingerprint": "3f9a-11c0-…"},
///         {"name": "bank", "url": "https://bank.example:8443", "authority": "bank-ca.pem"}]}
///
/// `fingerprint` and `authority` may be lists, while one takes another's place. An authority is PEM, or the path of a file with it, seen
/// from the folder of this one.
public struct Cell: Hashable, Sendable {
    /// The cell's name.
    public let name: String
    /// Its parties, in the order of their numbers.
    public let parties: [CellParty]

    /// A cell.
    ///
    /// - Throws: `.invalidArgument` for fewer than two parties, or for two with one name, one address or one fingerprint: whoever is
    ///   both would see everything.
    public init(name: String, parties: [CellParty]) throws {
        guard parties.count >= 2 else {
            throw CrypTenError(
                .invalidArgument,
                "cell \"\(name)\" has \(parties.count) parties: there are two at least"
            )
        }
        var owners: [String: String] = [:]
        for party in parties {
            let marks =
                ["name \(party.name)", "address \(party.address)"] + party.fingerprints.map { "fingerprint \($0)" }
            for mark in marks {
                if let other = owners.updateValue(party.name, forKey: mark) {
                    throw CrypTenError(
                        .invalidArgument,
                        "parties \"\(other)\" and \"\(party.name)\" of cell \"\(name)\" have one \(mark), and whoever is both would see "
                            + "everything: correct one of them"
                    )
                }
            }
        }
        self.name = name
        self.parties = parties
    }

    /// Reads the file of a cell.
    ///
    /// - Throws: `.fileNotReadable` and `.malformedFile` for a file that can't be read or is no cell's; what ``init(name:parties:)`` and
    ///   ``CellParty`` throw.
    public init(contentsOf file: URL) throws {
        let document: CellFile
        do {
            document = try JSONDecoder().decode(CellFile.self, from: try Cell.bytes(of: file))
        } catch let error as DecodingError {
            throw CrypTenError(
                .malformedFile,
                "\(file.path) is no file of a cell: it has \"cell\" and \"parties\", each with \"name\", \"url\" and \"fingerprint\" or "
                    + "\"authority\"",
                cause: error
            )
        }
        let parties = try document.parties.map { party in
            try CellParty(
                name: party.name,
                url: party.url,
                fingerprints: party.fingerprint?.texts ?? [],
                authorities: try (party.authority?.texts ?? []).map { text in
                    guard !text.contains("-----BEGIN") else { return text }
                    let file = URL(filePath: text, relativeTo: file.deletingLastPathComponent())
                    return String(decoding: try Cell.bytes(of: file), as: UTF8.self)
                }
            )
        }
        try self.init(name: document.cell, parties: parties)
    }

    private static func bytes(of file: URL) throws -> Data {
        do {
            return try Data(contentsOf: file)
        } catch {
            throw CrypTenError(.fileNotReadable, "\(file.path) can't be read: check the path", cause: error)
        }
    }
}

/// The file as JSON has it.
private struct CellFile: Decodable {
    /// A text, or a list of texts.
    struct Texts: Decodable {
        let texts: [String]

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let one = try? container.decode(String.self) {
                texts = [one]
            } else {
                texts = try container.decode([String].self)
            }
        }
    }

    struct Party: Decodable {
        var name: String
        var url: String
        var fingerprint: Texts?
        var authority: Texts?
    }

    var cell: String
    var parties: [Party]
}
