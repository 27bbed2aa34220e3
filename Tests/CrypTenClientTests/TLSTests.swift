import CrypTenBase
import CrypTenClient
import CrypTenIdentity
import Foundation
import NIOConcurrencyHelpers
import Testing

@Suite("A client knows the parties, and they know it")
struct TLSTests {
    private static func identities() throws -> [MemberIdentity] {
        try (0..<2).map { try MemberIdentity.create(name: "p\($0)") }
    }

    private static func failure(_ client: CellClient) async throws -> CrypTenError? {
        let question = try FakeQuestion(rows: 1)
        do {
            #expect(try await client.infer(FakeCell.model, question.inputs) == question.outputs)
            return nil
        } catch {
            return try #require(error as? CrypTenError)
        }
    }

    /// A client of the cell that knows the parties by `fingerprints`.
    private static func client(
        _ cell: FakeCell,
        _ fingerprints: [[String]],
        _ identity: ClientIdentity = .tokens { $0 }
    ) throws -> CellClient {
        let parties = try fingerprints.enumerated().map { index, fingerprints in
            try CellParty(name: "p\(index)", url: cell.url(index), fingerprints: fingerprints)
        }
        var options = CellClient.Options()
        options.pause = .milliseconds(5)
        return try CellClient(try Cell(name: "bank", parties: parties), identity: identity, options: options)
    }

    @Test("by fingerprints, of which there may be two while one takes the other's place; a token for each")
    func fingerprints() async throws {
        let cell = try await FakeCell(parties: 2, identities: try TLSTests.identities())
        let known = cell.identities.map { "\($0.certificate.fingerprint)" }
        let other = "\(try MemberIdentity.create(name: "p0").certificate.fingerprint)"
        let client = try TLSTests.client(cell, [[other, known[0]], [known[1].replacing("-", with: ":").uppercased()]])
        #expect(try await TLSTests.failure(client) == nil)
        for seen in cell.seen {
            #expect(seen.request.headers["authorization"] == "Bearer bank/p\(seen.party)")
            #expect(seen.request.certificate == nil)
        }
        await client.close()
    }

    @Test("who shows another certificate gets nothing, and neither do the others get a question")
    func mismatch() async throws {
        let cell = try await FakeCell(parties: 2, identities: try TLSTests.identities())
        let known = cell.identities.map { "\($0.certificate.fingerprint)" }
        // The other party's certificate isn't good enough, either.
        let impostor = "\(try MemberIdentity.create(name: "p1").certificate.fingerprint)"
        let begin = ContinuousClock.now
        let client = try TLSTests.client(cell, [[known[0]], [impostor]])
        let error = try await TLSTests.failure(client)
        #expect(error?.code == .identityRefused)
        #expect(error?.message.contains("isn't one of party \"p1\"") == true)
        #expect(!cell.seen.contains { $0.party == 1 } && cell.questions.isEmpty)
        let swapped = try TLSTests.client(cell, [[known[1]], [known[0]]])
        #expect(try await TLSTests.failure(swapped)?.code == .identityRefused)
        #expect(!cell.seen.contains { $0.party == 1 } && cell.questions.isEmpty)
        #expect(ContinuousClock.now - begin < .seconds(10))
        await client.close()
        await swapped.close()
    }

    @Test("by an authority, for the host of the address")
    func authority() async throws {
        let authority = try MemberIdentity.createAuthority(name: "authority")
        let issued = try ["localhost", "p1"].map { try MemberIdentity.create(name: $0, authority: authority) }
        let cell = try await FakeCell(parties: 2, identities: issued)
        let pem = authority.certificate.pem
        let url = { (party: Int) in cell.url(party).replacing("127.0.0.1", with: "localhost") }
        let first = try CellParty(name: "p0", url: url(0), authorities: [pem])
        let byFingerprint = try CellParty(
            name: "p1",
            url: cell.url(1),
            fingerprints: ["\(issued[1].certificate.fingerprint)"]
        )
        let client = try CellClient(try Cell(name: "bank", parties: [first, byFingerprint]), identity: .tokens { $0 })
        #expect(try await TLSTests.failure(client) == nil)
        await client.close()
        // Issued by it, but for another host; and issued by another one of that name.
        let others = [
            try CellParty(name: "p1", url: url(1), authorities: [pem]),
            try CellParty(
                name: "p1",
                url: url(1),
                authorities: [try MemberIdentity.createAuthority(name: "authority").certificate.pem]
            ),
        ]
        for other in others {
            let client = try CellClient(try Cell(name: "bank", parties: [first, other]), identity: .tokens { $0 })
            let error = try await TLSTests.failure(client)
            #expect(error?.code == .identityRefused, "\(String(describing: error))")
            await client.close()
        }
    }

    @Test("a certificate of the client's is shown to all parties")
    func mutual() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "crypten-client-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let own = try MemberIdentity.create(name: "app")
        let files = try own.write(to: folder)
        let cell = try await FakeCell(parties: 2, identities: try TLSTests.identities())
        let known = cell.identities.map { ["\($0.certificate.fingerprint)"] }
        // From the file of the cell, as programs have it.
        let parties = known.enumerated().map { index, fingerprints in
            "{\"name\": \"p\(index)\", \"url\": \"\(cell.url(index))\", \"fingerprint\": \"\(fingerprints[0])\"}"
        }
        let file = folder.appending(path: "cell.json")
        try Data("{\"cell\": \"bank\", \"parties\": [\(parties.joined(separator: ", "))]}".utf8).write(to: file)
        let client = try CellClient(
            try Cell(contentsOf: file),
            identity: .certificate(files.certificate, key: files.identity)
        )
        #expect(try await TLSTests.failure(client) == nil)
        #expect(cell.seen.count == 4 && cell.seen.allSatisfy { $0.request.certificate == own.certificate.der })
        #expect(cell.seen.allSatisfy { $0.request.headers["authorization"] == nil })
        await client.close()
        let missing = folder.appending(path: "none.pem")
        #expect(throws: CrypTenError.self) {
            try TLSTests.client(cell, known, .certificate(missing, key: files.identity))
        }
        #expect(throws: CrypTenError.self) {
            try TLSTests.client(cell, known, .certificate(files.certificate, key: files.certificate))
        }
    }

    @Test("one token for two parties goes to none, and neither does what can't be a header")
    func tokens() async throws {
        let cell = try await FakeCell(parties: 2, identities: try TLSTests.identities())
        let known = cell.identities.map { ["\($0.certificate.fingerprint)"] }
        for token in ["same", "a\r\nX: y"] {
            let client = try TLSTests.client(cell, known, .tokens { _ in token })
            let error = try await TLSTests.failure(client)
            #expect(error?.code == .invalidArgument)
            #expect(error?.description.contains(token) == false)
            await client.close()
        }
        #expect(cell.seen.isEmpty)
    }
}
