import JWTKit

/// What stands in a token; whether it is true is ``ClientTokenVerifier``'s to say.
struct ClientTokenClaims: JWTPayload {
    private enum CodingKeys: String, CodingKey {
        case sub, aud, exp, nbf, scope
    }

    /// Before the name of a model, in a scope.
    static let inferPrefix = "infer:"

    var sub: String
    var aud: [String]
    /// Seconds since 1970.
    var exp: Double
    var nbf: Double?
    var scope: String?

    init(sub: String, aud: String, exp: Double, scope: String?) {
        self.sub = sub
        self.aud = [aud]
        self.exp = exp
        self.scope = scope
    }

    /// Reads one; `aud` is a text or a list of texts, as RFC 7519 has it.
    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        sub = try container.decode(String.self, forKey: .sub)
        aud =
            if let one = try? container.decode(String.self, forKey: .aud) {
                [one]
            } else {
                try container.decode([String].self, forKey: .aud)
            }
        exp = try container.decode(Double.self, forKey: .exp)
        nbf = try container.decodeIfPresent(Double.self, forKey: .nbf)
        scope = try container.decodeIfPresent(String.self, forKey: .scope)
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(sub, forKey: .sub)
        try container.encode(aud[0], forKey: .aud)
        try container.encode(exp, forKey: .exp)
        try container.encodeIfPresent(nbf, forKey: .nbf)
        try container.encodeIfPresent(scope, forKey: .scope)
    }

    /// The models of the scope; nil where there is none.
    var models: Set<String>? {
        scope.map { scope in
            let names = scope.split(separator: " ").filter { $0.hasPrefix(ClientTokenClaims.inferPrefix) }
            return Set(names.map { String($0.dropFirst(ClientTokenClaims.inferPrefix.count)) })
        }
    }

    /// Nothing: the clock and the audience are the verifier's.
    func verify(using algorithm: some JWTAlgorithm) {}
}
