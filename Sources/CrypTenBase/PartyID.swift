/// A protocol participant, counted from 0.
public struct PartyID: Hashable, Sendable, Comparable, Codable, CustomStringConvertible {
    /// The party's position among the parties of its session.
    public let index: Int

    /// Names the party at a position; whether the session has it is checked where the name is used.
    public init(_ index: Int) {
        self.index = index
    }

    /// Names the party at a position, for calls such as `reveal(y, to: .party(0))`.
    public static func party(_ index: Int) -> PartyID {
        PartyID(index)
    }

    public static func < (left: PartyID, right: PartyID) -> Bool {
        left.index < right.index
    }

    public var description: String {
        "party \(index)"
    }

    public init(from decoder: any Decoder) throws {
        index = try decoder.singleValueContainer().decode(Int.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(index)
    }
}
