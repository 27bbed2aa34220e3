import CrypTenRing

/// What this party has of a value that the two make, or will have when so many exchanges are over.
///
/// A plan is walked before anything is exchanged: what a gate asks for reads what earlier ones asked for, which nobody has yet. So a value is
/// what makes it, which runs when its words are first read, and the exchange after which that can be. Both parties' parts are known after
/// the same exchange, and so both know the order of everything. One thread uses it.
package final class Later<Value> {
    /// After how many exchanges it's known; 0: it follows from keys.
    package let moment: Int
    private var make: (() throws -> Value)?
    private var made: Value?

    /// A value that `make` gives after exchange `moment`.
    package init(at moment: Int, _ make: @escaping () throws -> Value) {
        (self.moment, self.make) = (moment, make)
    }

    /// A value that is known.
    package init(_ value: Value) {
        (moment, made) = (0, value)
    }

    /// A value that ``fulfil(_:)`` gives in exchange `moment`.
    package init(at moment: Int) {
        self.moment = moment
    }

    /// Gives the value, once.
    func fulfil(_ value: Value) {
        precondition(made == nil && make == nil, "a value is made once")
        made = value
    }

    /// Whether it has been made.
    package var isMade: Bool { made != nil }

    /// The value; made now where it wasn't read before.
    package func value() throws -> Value {
        if let made { return made }
        guard let make else { preconditionFailure("a value is read after exchange \(moment)") }
        // What it is made of isn't needed any more.
        self.make = nil
        let value = try make()
        made = value
        return value
    }

    /// What follows from it without another exchange.
    package func map<Result>(_ body: @escaping (Value) throws -> Result) -> Later<Result> {
        Later<Result>(at: moment) { try body(self.value()) }
    }

    /// What follows from both.
    package func with<Other, Result>(
        _ other: Later<Other>,
        _ body: @escaping (Value, Other) throws -> Result
    ) -> Later<Result> {
        Later<Result>(at: max(moment, other.moment)) { try body(self.value(), other.value()) }
    }
}
