import Foundation

/// Reads JSON that another end has written.
enum BodyDecoder {
    /// The value.
    ///
    /// - Throws: ``DoorRefusal``: `.malformed` for what isn't JSON or has not the form, whatever a part of it throws otherwise.
    ///   It names the place, and never what stands there.
    static func decode<Value: Decodable>(_ type: Value.Type, from json: Data, _ limits: WireLimits) throws -> Value {
        let decoder = JSONDecoder()
        decoder.userInfo[.wireLimits] = limits
        do {
            return try decoder.decode(type, from: json)
        } catch let refusal as DoorRefusal {
            throw refusal
        } catch let error as DecodingError {
            throw DoorRefusal(.malformed, sentence(of: error))
        } catch {
            throw DoorRefusal(.malformed, "the body isn't JSON")
        }
    }

    private static func sentence(of error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, let context): "the body has nothing at \"\(place(context.codingPath + [key]))\""
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "the body has something of another kind at \"\(place(context.codingPath))\""
        case .dataCorrupted(let context):
            context.codingPath.isEmpty
                ? "the body isn't JSON" : "the body has what can't be read at \"\(place(context.codingPath))\""
        @unknown default: "the body can't be read"
        }
    }

    /// Keys are those that are looked for, and positions: nothing of what was sent.
    private static func place(_ path: [any CodingKey]) -> String {
        path.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
    }
}
