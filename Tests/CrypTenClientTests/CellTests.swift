import CrypTenBase
import CrypTenClient
import Foundation
import Testing

@Suite("The file of a cell")
struct CellTests {
    private static let fingerprint = "856f-7241-2257-c550-2daf-be47-cd42-45e4-e229-dade-cf0c-8955-755b-0c74-64c9-b773"
    private static let other = String(repeating: "0123456789abcdef", count: 4)

    private struct Fingerprints: Decodable {
        var certificate: String
        var fingerprint: String
        var same: [String]
        var refused: [String]
    }

    private static func vectors<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "clients/vectors")
        return try JSONDecoder().decode(type, from: try Data(contentsOf: folder.appending(path: name)))
    }

    private static func read(_ json: String, certificate: String? = nil) throws -> Cell {
        let folder = FileManager.default.temporaryDirectory.appending(path: "crypten-cell-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "cell.json")
        try Data(json.utf8).write(to: file)
        if let certificate { try Data(certificate.utf8).write(to: folder.appending(path: "ca.pem")) }
        return try Cell(contentsOf: file)
    }

    @Test("says who the parties are, and by what they are known")
    func file() throws {
        let pem = try CellTests.vectors(Fingerprints.self, "fingerprints.json").certificate
        let cell = try CellTests.read(
            """
            {"cell": "bank", "parties": [
                {"name": "clinic", "url": "https://clinic.example:8443/door/", "fingerprint": "\(CellTests.fingerprint)"},
                {"name": "bank", "url": "https://bank.example", "authority": ["ca.pem"]}]}
            """,
            certificate: pem
        )
        #expect(cell.name == "bank")
        #expect(cell.parties.map(\.name) == ["clinic", "bank"])
        #expect(cell.parties.map(\.url) == ["https://clinic.example:8443/door", "https://bank.example"])
        #expect(cell.parties[0].fingerprints == [CellTests.fingerprint.replacing("-", with: "")])
        #expect(cell.parties[1].authorities == [pem])
    }

    @Test("fingerprints are read as the vectors say")
    func fingerprints() throws {
        let vectors = try CellTests.vectors(Fingerprints.self, "fingerprints.json")
        let make = { (text: String) in
            try CellParty(name: "p", url: "https://p.example:1", fingerprints: [text]).fingerprints[0]
        }
        for text in vectors.same { #expect(try make(text) == vectors.fingerprint.replacing("-", with: "")) }
        for text in vectors.refused { #expect(throws: CrypTenError.self, "\(text)") { try make(text) } }
    }

    @Test("what isn't one, or has a party twice, is refused")
    func refused() throws {
        let party = { (name: String, host: String, more: String) in
            #"{"name": "\#(name)", "url": "https://\#(host)", \#(more)}"#
        }
        let (one, two) = ("\"fingerprint\": \"\(CellTests.fingerprint)\"", "\"fingerprint\": [\"\(CellTests.other)\"]")
        let cell = { (parties: String...) in "{\"cell\": \"c\", \"parties\": [\(parties.joined(separator: ","))]}" }
        #expect(try CellTests.read(cell(party("a", "a:1", one), party("b", "b:1", two))).parties.count == 2)
        for json in [
            "", "[]", "{}", "{\"cell\": \"c\"}", cell(), cell(party("a", "a:1", one)),
            cell(party("a", "a:1", one), party("a", "b:1", two)), cell(party("a", "a:1", one), party("b", "A:1", two)),
            cell(party("a", "a", one), party("b", "a:443", two)), cell(party("a", "a:1", one), party("b", "b:1", one)),
            cell(party("a", "a:1", one), party("b", "b:1", "\"x\": 1")),
            cell(party("a", "a:1", one), party("b", "b:1", two + ", \"authority\": \"ca.pem\"")),
            cell(party("a", "a:1", one), party("b", "b:1", "\"authority\": \"missing.pem\"")),
            cell(party("a", "a:1", one), party("b", "b:1", "\"authority\": \"-----BEGIN CERTIFICATE-----\"")),
            cell(party("a", "a:1", one), party("", "b:1", two)), cell(party("a", "a:1", one), party("b", "", two)),
            cell(party("a", "a:1", one), party("b", "b:1?x", two)),
            cell(party("a", "a:1", one), party("b", "u@b:1", two)),
            cell(party("a", "a:1", one), party("b", "b:99999", two)),
            cell(party("a", "a:1", one), party("b", "b:1", two)).replacing("https", with: "http"),
        ] {
            #expect(throws: CrypTenError.self, "\(json)") { try CellTests.read(json) }
        }
        #expect(throws: CrypTenError.self) { try Cell(contentsOf: URL(filePath: "/nowhere/cell.json")) }
    }

    @Test("without TLS there is nobody but this machine, and only where it is said")
    func plaintext() throws {
        for url in ["http://127.0.0.1:80", "http://localhost:80", "http://[::1]:80"] {
            #expect(throws: Never.self) { try CellParty(name: "p", url: url, insecurePlaintext: true) }
            #expect(throws: CrypTenError.self) { try CellParty(name: "p", url: url, insecurePlaintext: false) }
        }
        for url in [
            "http://example.com:80", "http://127.0.0.1.example.com:80", "http://10.0.0.1:80", "https://127.0.0.1:80",
        ] {
            #expect(throws: CrypTenError.self, "\(url)") { try CellParty(name: "p", url: url, insecurePlaintext: true) }
        }
        let parties = try ["a", "b"].map { name in
            try CellParty(
                name: name,
                url: "https://\(name).example",
                fingerprints: [name == "a" ? CellTests.fingerprint : CellTests.other]
            )
        }
        #expect(throws: CrypTenError.self) {
            try CellClient(try Cell(name: "c", parties: parties), insecurePlaintext: true)
        }
    }
}
