internal import CrypTenBase
package import CrypTenRing

/// What a slot of a plan holds, at the parties and at the dealer: the type that a gate's operands and results have.
///
/// A plan that comes from a peer is checked with these before any of its gates runs: see `Gate.results(of:parties:)`.
package enum OperandType: Hashable, Sendable {
    /// Additive shares; nothing at the dealer.
    case share(Shape)
    /// A masked wire, in its form.
    case wire(Shape, WireForm)
    /// One masked bit an element; `sharesHeld` where the parties have XOR shares of the masks.
    case bits(count: Int, sharesHeld: Bool)
    /// Numbers in the clear at one party, or at all where `party` is nil; absent elsewhere.
    case plain(Shape, party: Int?)

    /// How many elements.
    package var count: Int {
        switch self {
        case .share(let shape), .wire(let shape, _), .plain(let shape, _): shape.count
        case .bits(let count, _): count
        }
    }
}

extension OperandType: CustomStringConvertible {
    package var description: String {
        switch self {
        case .share(let shape): "a share of shape \(shape)"
        case .wire(let shape, let form):
            "a wire of shape \(shape)\(form.sharesHeld ? "" : " without shares of its mask")"
                + (form.shift == 0 ? "" : ", truncated by \(form.shift)")
        case .bits(let count, let sharesHeld): "\(count) bits\(sharesHeld ? "" : " without shares of their masks")"
        case .plain(let shape, let party): "plain \(shape) at \(party.map { "party \($0)" } ?? "all")"
        }
    }
}

/// The operands of one gate, to be matched with what the gate works with.
///
/// Every method throws `CrypTenError.Code.malformedFile` naming the operand and what it should be.
package struct OperandTypes: Sendable {
    private let types: [OperandType]

    package init(_ types: [OperandType]) {
        self.types = types
    }

    /// There are so many.
    package func require(count: Int) throws {
        guard types.count == count else { throw malformed("it has \(types.count) operands, not \(count)") }
    }

    /// A share, of as many elements where `count` is given.
    ///
    /// - Returns: Its shape.
    @discardableResult
    package func share(_ index: Int, count: Int? = nil) throws -> Shape {
        guard case .share(let shape) = types[index], shape.count == count ?? shape.count else {
            throw mismatch(index, "a share", count)
        }
        return shape
    }

    /// An ordinary wire, which isn't a truncation read in place; with shares of its mask where `sharesHeld`.
    ///
    /// - Returns: Its shape and form.
    @discardableResult
    package func wire(
        _ index: Int,
        count: Int? = nil,
        sharesHeld: Bool = false
    ) throws -> (shape: Shape, form: WireForm) {
        guard case .wire(let shape, let form) = types[index], shape.count == count ?? shape.count, form.shift == 0,
            form.sharesHeld || !sharesHeld
        else { throw mismatch(index, sharesHeld ? "a wire whose mask is shared" : "an ordinary wire", count) }
        return (shape, form)
    }

    /// A wire in exactly one form, which says what is dealt for it.
    package func wire(_ index: Int, count: Int, form: WireForm) throws {
        guard case .wire(let shape, form) = types[index], shape.count == count else {
            throw mismatch(index, "\(OperandType.wire([count], form))", count)
        }
    }

    /// Masked bits, with shares of their masks where `sharesHeld`.
    ///
    /// - Returns: Whether there are such shares.
    @discardableResult
    package func bits(_ index: Int, count: Int, sharesHeld: Bool = false) throws -> Bool {
        guard case .bits(count, let held) = types[index], held || !sharesHeld else {
            throw mismatch(index, sharesHeld ? "bits whose masks are shared" : "bits", count)
        }
        return held
    }

    /// Numbers that every party has, or one that needs them.
    ///
    /// - Returns: Their shape.
    @discardableResult
    package func plain(_ index: Int, count: Int? = nil, at party: Int? = nil) throws -> Shape {
        guard case .plain(let shape, let owner) = types[index], shape.count == count ?? shape.count,
            owner == nil || owner == party
        else { throw mismatch(index, party.map { "plain at party \($0)" } ?? "plain at all parties", count) }
        return shape
    }

    /// The type as it is.
    package subscript(index: Int) -> OperandType {
        types[index]
    }

    private func mismatch(_ index: Int, _ wanted: String, _ count: Int?) -> CrypTenError {
        malformed("operand \(index) is \(types[index]), not \(wanted)\(count.map { " of \($0) elements" } ?? "")")
    }
}

/// A plan's gate that can't be: what is wrong with it.
func malformed(_ what: String) -> CrypTenError {
    CrypTenError(.malformedFile, what)
}

/// Throws what is wrong unless a field is as it must be.
func require(_ condition: Bool, _ what: @autoclosure () -> String) throws {
    if !condition { throw malformed(what()) }
}

extension Gate {
    /// What initialisers end with: a gate that this program makes passes its own check.
    func trapUnlessValid() {
        do {
            try check()
        } catch {
            preconditionFailure("\(Self.name): \(error)")
        }
    }

    /// Any fields will do.
    package func check() throws {}
}

/// What no gate of a plan may have more of: far more than any expression asks for.
package enum GateLimits {
    /// Thresholds, positions, outputs or operands.
    package static let list = 1 << 10
    /// Streams of random words that one stage draws; their numbers have 24 bits.
    package static let streams = 1 << 24
}
