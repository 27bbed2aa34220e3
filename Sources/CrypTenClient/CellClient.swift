import CrypTenBase
import CrypTenSharing
import NIOConcurrencyHelpers

/// Asks a cell's models, so that no party sees a question or an answer.
///
///     let client = try CellClient(Cell(contentsOf: file), identity: .certificate(certificate, key: key))
///     let answer = try await client.infer("digits", ["image": ClientTensor(shape: [1, 1, 28, 28], doubles: pixels)])
///
/// Each input is split into random words, one share for each party; only all of them together tell anything. It may be used by several
/// tasks at once, and keeps its connections until ``close()``, or until nobody holds it any more.
public final class CellClient: Sendable {
    /// How it asks.
    public struct Options: Sendable {
        /// How long a call may take, all of its attempts together.
        public var timeout: Duration = .seconds(60)
        /// How often a request is asked anew by itself, with new shares, after what may pass.
        public var retries = 3
        /// The pause before the first of these, where a party names no longer one; the next ones are twice as long each.
        public var pause: Duration = .milliseconds(200)
        /// The most bytes of a party's answer that are taken.
        public var mostReplyBytes = 256 << 20

        /// As usual.
        public init() {}
    }

    /// The cell that is asked.
    public let cell: Cell
    let options: Options
    let links: [PartyLink]
    private let identity: ClientIdentity
    private let known = NIOLockedValueBox<[String: ModelMetadata]>([:])

    /// A client of a cell.
    ///
    /// - Throws: `.fileNotReadable` where the certificate or its key can't be used.
    public init(_ cell: Cell, identity: ClientIdentity, options: Options = Options()) throws {
        self.cell = cell
        self.identity = identity
        self.options = options
        links = try cell.parties.map {
            try PartyLink($0, identity: identity, mostReplyBytes: options.mostReplyBytes)
        }
    }

    /// A client of parties on this machine that ask for nobody's identity, for tests.
    ///
    /// - Throws: `.insecureTransport` where a party isn't one without TLS.
    public convenience init(_ cell: Cell, insecurePlaintext: Bool, options: Options = Options()) throws {
        guard insecurePlaintext, cell.parties.allSatisfy(\.isPlaintext) else {
            throw CrypTenError(
                .insecureTransport,
                "a client without an identity is for parties on this machine without TLS: give a certificate or tokens"
            )
        }
        try self.init(cell, identity: .none, options: options)
    }

    /// Ends all connections; it can't be used any more.
    public func close() async {
        for link in links { await link.close() }
    }

    /// A token for each party, and for each another.
    func tokens() async throws -> [String?] {
        guard case .tokens(let make) = identity.kind else { return links.map { _ in nil } }
        var tokens: [String] = []
        for party in cell.parties {
            let token = try await make("\(cell.name)/\(party.name)")
            guard !tokens.contains(token), token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
                throw CrypTenError(
                    .invalidArgument,
                    "what was given as a token for party \"\(party.name)\" is another party's, or is none: each needs one of its own"
                )
            }
            tokens.append(token)
        }
        return tokens
    }

    // MARK: What the parties say of a model

    /// What is known of a model in the current epoch; all parties are asked where nothing is.
    ///
    /// - Returns: The metadata, and whether they were asked now.
    func metadata(
        _ model: String,
        _ version: String?,
        _ deadline: Deadline
    ) async throws -> (ModelMetadata, isFresh: Bool) {
        let path = CellClient.path(model, version)
        if let metadata = known.withLockedValue({ $0[path] }) { return (metadata, false) }
        let bodies = try await ofAll(deadline) { link, token, patience in
            try await link.get(path, token: token, within: patience)
        }
        let all = try zip(cell.parties, bodies).map { party, body in
            try CellClient.told(by: party) { try ModelMetadata(body: body.bytes) }
        }
        for (index, metadata) in all.enumerated() { try check(metadata, index, model, version, all[0]) }
        known.withLockedValue { $0[path] = all[0] }
        return (all[0], true)
    }

    /// Forgets what is known of a model.
    func forget(_ model: String, _ version: String?) {
        known.withLockedValue { $0[CellClient.path(model, version)] = nil }
    }

    private func check(
        _ metadata: ModelMetadata,
        _ index: Int,
        _ model: String,
        _ version: String?,
        _ first: ModelMetadata
    ) throws {
        let (party, parameters) = (cell.parties[index], metadata.parameters)
        guard parameters.cell == cell.name, parameters.parties == cell.parties.count, parameters.party == index,
            parameters.partyName == party.name
        else {
            throw CrypTenError(
                .diverged,
                "who answers as party \"\(party.name)\", number \(index) of \(cell.parties.count) of cell \"\(cell.name)\", says that it is "
                    + "another: correct the file of the cell"
            )
        }
        guard metadata.name == model, version == nil || metadata.versions.first == version else {
            throw CrypTenError(.diverged, "party \"\(party.name)\" tells of another model or version than \"\(model)\"")
        }
        guard first.agrees(with: metadata) else {
            var inTheSameEpoch = metadata
            inTheSameEpoch.parameters.epoch = first.parameters.epoch
            guard !first.agrees(with: inTheSameEpoch) else {
                // A new session was beginning while they were asked: in a moment they say the same.
                throw CrypTenError(
                    .peerLost,
                    "parties \"\(cell.parties[0].name)\" and \"\(party.name)\" were in different epochs: a session was beginning; ask again"
                )
            }
            throw CrypTenError(
                .diverged,
                "parties \"\(cell.parties[0].name)\" and \"\(party.name)\" tell different things of model \"\(model)\": nothing is sent "
                    + "until their owners agree"
            )
        }
    }

    // MARK: All parties at once

    /// What all parties answer, in their order; the first that fails ends the others' requests, and so does the deadline.
    func ofAll<Value: Sendable>(
        _ deadline: Deadline,
        _ ask: @escaping @Sendable (PartyLink, _ token: String?, _ patience: Duration) async throws -> Value
    ) async throws -> [Value] {
        let tokens = try await tokens()
        return try await withThrowingTaskGroup(of: (Int, Value)?.self) { group in
            for (index, link) in links.enumerated() {
                group.addTask { (index, try await ask(link, tokens[index], deadline.remaining)) }
            }
            group.addTask {
                try await Task.sleep(for: deadline.remaining)
                return nil
            }
            defer { group.cancelAll() }
            var values: [Int: Value] = [:]
            while values.count < links.count, let next = try await group.next() {
                guard let (index, value) = next else {
                    let silent = cell.parties.enumerated().filter { values[$0.offset] == nil }.map(\.element.name)
                    throw CrypTenError(
                        .timedOut,
                        "parties \(silent) didn't answer in time: ask again, or allow more time"
                    )
                }
                values[index] = value
            }
            return links.indices.compactMap { values[$0] }
        }
    }

    /// Runs `body` on what a party has sent; what is wrong with it is told with the party's name.
    static func told<Value>(by party: CellParty, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as CrypTenError {
            throw CrypTenError(error.code, "party \"\(party.name)\": \(error.message)", cause: error.cause)
        }
    }

    /// Where a model stands; its name may have any characters.
    static func path(_ model: String, _ version: String?) -> String {
        "/v2/models/\(segment(model))" + (version.map { "/versions/\(segment($0))" } ?? "")
    }

    private static func segment(_ name: String) -> String {
        name.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                String(UnicodeScalar(byte))
            default: "%" + Hexadecimal.encode([byte]).uppercased()
            }
        }.joined()
    }
}
