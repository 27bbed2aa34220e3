import CrypTenBase
import CrypTenService
import Crypto
import Foundation
import JWTKit
import Testing

@Suite("Tokens")
struct ClientTokenTests {
    private static let audience = ClientToken.audience(cell: "bank", party: "clinic")
    private static let date = Date(timeIntervalSince1970: 1_800_000_000)
    private static let p256 = P256.Signing.PrivateKey()
    private static let ed25519 = Curve25519.Signing.PrivateKey()
    private static let kinds = ["ES256", "EdDSA"]

    private static func key(_ kind: String) throws -> ClientTokenSigningKey {
        try ClientTokenSigningKey(
            pem: kind == "ES256" ? p256.pemRepresentation : EdDSA.PrivateKey(backing: ed25519).pemRepresentation
        )
    }

    private static func verifier(_ kinds: [String] = kinds, audience: String = audience) throws -> ClientTokenVerifier {
        try ClientTokenVerifier(
            audience: audience,
            keys: ["app": try kinds.map { try ClientTokenKey(pem: try key($0).publicPEM) }]
        )
    }

    /// A token made by hand, with any header and claims.
    private static func token(
        header: String = #"{"alg":"ES256","typ":"JWT"}"#,
        claims: String,
        sign: (Data) throws -> Data = { try p256.signature(for: $0).rawRepresentation }
    ) throws -> String {
        let input = [header, claims].map { base64URL(Data($0.utf8)) }.joined(separator: ".")
        return input + "." + base64URL(try sign(Data(input.utf8)))
    }

    private static func base64URL(_ data: Data) -> String {
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    private static func claims(
        sub: String = "\"app\"",
        aud: String = "\"bank/clinic\"",
        exp: String = "1800000300",
        more: String = ""
    ) -> String {
        "{\"sub\":\(sub),\"aud\":\(aud),\"exp\":\(exp)\(more)}"
    }

    /// What is said of a token that doesn't count; it never holds a part of it.
    private static func refusal(
        _ token: String,
        _ verifier: ClientTokenVerifier,
        at date: Date = date
    ) async throws -> String {
        do {
            _ = try await verifier.verify(token, at: date)
        } catch {
            let error = try #require(error as? CrypTenError)
            #expect(error.code == .identityRefused)
            for part in token.split(separator: ".") where part.count > 8 {
                #expect(!"\(error)".contains(part.prefix(8)), "\(error)")
            }
            return error.message
        }
        return "nothing"
    }

    @Test("made here count here, for as long and for the models as made", arguments: kinds)
    func made(kind: String) async throws {
        let key = try ClientTokenTests.key(kind)
        for models in [nil, ["digits", "größe"], []] as [Set<String>?] {
            let token = try await ClientToken.sign(
                client: "app",
                audience: ClientTokenTests.audience,
                models: models,
                lifetime: 600,
                with: key,
                at: ClientTokenTests.date
            )
            let read = try await ClientTokenTests.verifier([kind]).verify(token, at: ClientTokenTests.date)
            #expect(read.client == "app" && read.models == models)
            #expect(read.expires == ClientTokenTests.date.addingTimeInterval(600))
            #expect(read.allows("digits") == (models?.contains("digits") ?? true))
            #expect(!read.allows("other") || models == nil)
        }
    }

    @Test("count by either of two keys", arguments: kinds)
    func twoKeys(kind: String) async throws {
        let token = try await ClientToken.sign(
            client: "app",
            audience: ClientTokenTests.audience,
            with: try ClientTokenTests.key(kind),
            at: ClientTokenTests.date
        )
        for order in [ClientTokenTests.kinds, ClientTokenTests.kinds.reversed()] {
            #expect(try await ClientTokenTests.verifier(order).verify(token, at: ClientTokenTests.date).client == "app")
        }
        // Two keys of one kind, the other one first.
        let other = try ClientTokenKey(
            pem: kind == "ES256"
                ? P256.Signing.PrivateKey().publicKey.pemRepresentation
                : EdDSA.PrivateKey(backing: Curve25519.Signing.PrivateKey()).publicKey.pemRepresentation
        )
        let own = try ClientTokenKey(pem: try ClientTokenTests.key(kind).publicPEM)
        let verifier = try ClientTokenVerifier(audience: ClientTokenTests.audience, keys: ["app": [other, own]])
        #expect(try await verifier.verify(token, at: ClientTokenTests.date).client == "app")
        let without = try ClientTokenVerifier(audience: ClientTokenTests.audience, keys: ["app": [other]])
        #expect(
            try await ClientTokenTests.refusal(token, without).hasPrefix(
                "the token isn't signed by a client of this cell"
            )
        )
        for count in [0, 3] {
            #expect(throws: CrypTenError.self) {
                try ClientTokenVerifier(
                    audience: ClientTokenTests.audience,
                    keys: ["app": Array(repeating: own, count: count)]
                )
            }
        }
    }

    @Test("made elsewhere count, too: a list of one audience, a fraction of a second, claims nobody knows")
    func elsewhere() async throws {
        for claims in [
            ClientTokenTests.claims(), ClientTokenTests.claims(aud: "[\"bank/clinic\"]"),
            ClientTokenTests.claims(exp: "1800000300.5"),
            ClientTokenTests.claims(more: ",\"iss\":5,\"nbf\":1799999000"),
        ] {
            let token = try ClientTokenTests.token(claims: claims)
            #expect(try await ClientTokenTests.verifier().verify(token, at: ClientTokenTests.date).client == "app")
        }
        let scoped = try ClientTokenTests.token(
            claims: ClientTokenTests.claims(more: ",\"scope\":\"read infer:a  infer:b\"")
        )
        #expect(try await ClientTokenTests.verifier().verify(scoped, at: ClientTokenTests.date).models == ["a", "b"])
    }

    @Test(
        "for another party, or for several, don't count",
        arguments: [
            "\"bank/other\"", "\"bank\"", "\"\"", "[]", "[\"bank/clinic\",\"bank/other\"]",
            "[\"bank/clinic\",\"bank/clinic\"]",
            "\"BANK/clinic\"", "\"bank/clinic/\"",
        ]
    )
    func audiences(aud: String) async throws {
        let token = try ClientTokenTests.token(claims: ClientTokenTests.claims(aud: aud))
        let message = try await ClientTokenTests.refusal(token, try ClientTokenTests.verifier())
        #expect(message == "the token isn't for this party alone: its \"aud\" must be \"bank/clinic\"")
    }

    @Test(
        "that have ended, last too long or aren't good yet don't count",
        arguments: [
            ("1799999994", "", "has expired"), ("0", "", "has expired"), ("-1e300", "", "has expired"),
            ("1799999996", "", "nothing"), ("1800000600", "", "nothing"),
            ("1800000601", "", "is good for more than 600"),
            ("1e300", "", "is good for more than 600"), ("1800000300", ",\"nbf\":1800000006", "isn't good yet"),
        ]
    )
    func times(exp: String, more: String, expected: String) async throws {
        let token = try ClientTokenTests.token(claims: ClientTokenTests.claims(exp: exp, more: more))
        let message = try await ClientTokenTests.refusal(token, try ClientTokenTests.verifier())
        #expect(message == expected || message.hasPrefix("the token \(expected)"))
    }

    @Test("without an end, an audience or a client, or with one of another kind, don't count")
    func lacking() async throws {
        for claims in [
            "{}", "[]", "", "{\"sub\":\"app\",\"aud\":\"bank/clinic\"}", "{\"sub\":\"app\",\"exp\":1800000300}",
            "{\"aud\":\"bank/clinic\",\"exp\":1800000300}", ClientTokenTests.claims(exp: "\"1800000300\""),
            ClientTokenTests.claims(exp: "null"), ClientTokenTests.claims(exp: "1e999"),
            ClientTokenTests.claims(sub: "5"),
            ClientTokenTests.claims(more: ",\"scope\":[\"infer:a\"]"),
        ] {
            let message = try await ClientTokenTests.refusal(
                try ClientTokenTests.token(claims: claims),
                try ClientTokenTests.verifier()
            )
            #expect(message.hasPrefix("the token lacks"), "\(claims): \(message)")
        }
    }

    @Test(
        "with any other algorithm don't count, whatever their signature",
        arguments: ["none", "None", "HS256", "RS256", "ES384", "PS256", "es256", "ES256K", "EdDSA "]
    )
    func algorithms(alg: String) async throws {
        let header = "{\"alg\":\"\(alg)\",\"typ\":\"JWT\"}"
        let publicPEM = ClientTokenTests.p256.publicKey.pemRepresentation
        let signatures: [(Data) throws -> Data] = [
            { _ in Data() },
            // The old trick: the public key taken for a secret that both have.
            { Data(HMAC<SHA256>.authenticationCode(for: $0, using: SymmetricKey(data: Data(publicPEM.utf8)))) },
            { try ClientTokenTests.p256.signature(for: $0).rawRepresentation },
        ]
        for sign in signatures {
            let token = try ClientTokenTests.token(header: header, claims: ClientTokenTests.claims(), sign: sign)
            let message = try await ClientTokenTests.refusal(token, try ClientTokenTests.verifier())
            #expect(message == "the token isn't signed with ES256 or EdDSA: nothing else is taken")
        }
    }

    @Test("whose header names the other algorithm than their key's don't count")
    func swapped() async throws {
        let asEdDSA = try ClientTokenTests.token(header: #"{"alg":"EdDSA"}"#, claims: ClientTokenTests.claims())
        let asES256 = try ClientTokenTests.token(claims: ClientTokenTests.claims()) {
            try ClientTokenTests.ed25519.signature(for: $0)
        }
        for (token, kinds) in [(asEdDSA, ["ES256"]), (asES256, ["EdDSA"])] {
            let message = try await ClientTokenTests.refusal(token, try ClientTokenTests.verifier(kinds))
            #expect(message == "the token isn't signed by a client of this cell")
            let both = try await ClientTokenTests.refusal(token, try ClientTokenTests.verifier())
            #expect(both == message)
        }
        let critical = try ClientTokenTests.token(
            header: #"{"alg":"ES256","crit":["b64"],"b64":false}"#,
            claims: ClientTokenTests.claims()
        )
        #expect(
            try await ClientTokenTests.refusal(critical, try ClientTokenTests.verifier()).hasPrefix(
                "the token asks for ext"
            )
        )
    }

    @Test("of a client that nobody knows don't count")
    func unknown() async throws {
        let token = try ClientTokenTests.token(claims: ClientTokenTests.claims(sub: "\"mallory\""))
        let message = try await ClientTokenTests.refusal(token, try ClientTokenTests.verifier())
        // The same as of a known one's that another has signed: who clients are can't be asked.
        #expect(message == "the token isn't signed by a client of this cell")
    }

    @Test("don't count after any character of them was changed", arguments: kinds)
    func tampered(kind: String) async throws {
        let token = try await ClientToken.sign(
            client: "app",
            audience: ClientTokenTests.audience,
            with: try ClientTokenTests.key(kind),
            at: ClientTokenTests.date
        )
        let verifier = try ClientTokenTests.verifier()
        let characters = Array(token)
        // The last one of a part carries bits that aren't used.
        let ends = Set(characters.indices.filter { $0 + 1 == characters.count || characters[$0 + 1] == "." })
        for index in characters.indices where !ends.contains(index) {
            var changed = characters
            changed[index] = changed[index] == "A" ? "B" : "A"
            #expect(try await ClientTokenTests.refusal(String(changed), verifier) != "nothing", "character \(index)")
        }
        for text in [
            "", ".", "..", "a.b", "a.b.c.d", token + ".", "." + token, String(repeating: "a", count: 5000), token + " ",
        ] {
            #expect(try await ClientTokenTests.refusal(text, verifier) != "nothing")
        }
        // Another's claims on this one's signature.
        let others = try ClientTokenTests.token(claims: ClientTokenTests.claims(more: ",\"scope\":\"infer:x\"")).split(
            separator: "."
        )
        let own = token.split(separator: ".")
        #expect(try await ClientTokenTests.refusal("\(own[0]).\(others[1]).\(own[2])", verifier) != "nothing")
    }

    @Test("keys of other kinds are none, and a private one is no public one")
    func keys() throws {
        #expect(throws: CrypTenError.self) { try ClientTokenKey(pem: "") }
        #expect(throws: CrypTenError.self) { try ClientTokenKey(pem: ClientTokenTests.p256.pemRepresentation) }
        #expect(throws: CrypTenError.self) {
            try ClientTokenKey(pem: P384.Signing.PrivateKey().publicKey.pemRepresentation)
        }
        #expect(throws: CrypTenError.self) {
            try ClientTokenSigningKey(pem: ClientTokenTests.p256.publicKey.pemRepresentation)
        }
        #expect(throws: CrypTenError.self) {
            try ClientTokenSigningKey(pem: P384.Signing.PrivateKey().pemRepresentation)
        }
    }

    @Test("that no party would take aren't made")
    func making() async throws {
        let key = try ClientTokenTests.key("ES256")
        for lifetime in [0, -1, 601, .infinity, .nan] as [Double] {
            await #expect(throws: CrypTenError.self) {
                try await ClientToken.sign(client: "app", audience: "a/b", lifetime: lifetime, with: key)
            }
        }
        for model in ["", "a b", "a\n"] {
            await #expect(throws: CrypTenError.self) {
                try await ClientToken.sign(client: "app", audience: "a/b", models: [model], with: key)
            }
        }
    }
}
