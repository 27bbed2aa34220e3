internal import CrypTenRing

/// Equally spaced places where the knots of a `PiecewiseGate` lie: start + κ·2^step, κ < 2^(span − step).
package struct KnotGrid: Hashable, Sendable, Codable {
    package let start: UInt64
    package let step: Int
    package let span: Int

    package init(start: UInt64, step: Int, span: Int) {
        self.start = start
        self.step = step
        self.span = span
    }

    /// What the fields must satisfy: two parts of up to 16 bits each, and a third above them.
    func check() throws {
        try require(
            (1...16).contains(step) && span > step && span <= step + 16 && span < 63,
            "a grid of 2^\(step) in 2^\(span)"
        )
    }

    /// Whether a knot lies on it.
    func contains(_ knot: UInt64) -> Bool {
        let place = knot &- start
        return place & (1 << UInt64(step) - 1) == 0 && place >> UInt64(span) == 0
    }
}

/// `[v < knot]` for every knot, staged: free knots by `SignProtocol`, those on a grid by `GridSignProtocol`.
enum KnotSigns: Sendable {
    case free(SignProtocol)
    case grid(GridSignProtocol, KnotGrid)

    init(form: WireForm, knots: Int, grid: KnotGrid?) {
        if let grid {
            self = .grid(GridSignProtocol(step: grid.step, span: grid.span, count: knots), grid)
        } else {
            self = .free(SignProtocol(bits: 64 - form.shift, thresholds: knots))
        }
    }

    var openings: Int {
        switch self {
        case .free(let signs): signs.openings
        case .grid(let signs, _): signs.openings
        }
    }

    /// What the stages of `count` elements cost, the last of them nothing.
    func cost(_ count: Int) -> [StageCost] {
        switch self {
        case .free(let signs): signs.cost(count)
        case .grid(let signs, _): signs.cost(count)
        }
    }

    func deal(_ mask: RingTensor, _ context: DealerStage) throws {
        switch self {
        case .free(let signs): try signs.deal(mask, context)
        case .grid(let signs, _): try signs.deal(mask, context)
        }
    }

    func deal(level: Int, _ context: DealerStage) throws {
        switch self {
        case .free(let signs): try signs.deal(level: level, context)
        case .grid(let signs, _): try signs.deal(level: level, context)
        }
    }

    func finish(_ context: DealerStage) -> [BitPlanes] {
        switch self {
        case .free(let signs): signs.finish(context).negative
        case .grid(let signs, _): signs.finish(context)
        }
    }

    func evaluate(_ hat: RingTensor, knots: [UInt64], _ context: PartyStage) throws {
        switch self {
        case .free(let signs): try signs.evaluate(hat, thresholds: knots, context)
        case .grid(let signs, let grid):
            let positions = knots.map { Int(($0 &- grid.start) >> UInt64(grid.step)) }
            try signs.evaluate(hat, start: grid.start, positions: positions, context)
        }
    }

    func evaluate(level: Int, _ context: PartyStage) throws {
        switch self {
        case .free(let signs): try signs.evaluate(level: level, context)
        case .grid(let signs, _): try signs.evaluate(level: level, context)
        }
    }

    func finish(_ context: PartyStage) throws -> [BitPlanes] {
        switch self {
        case .free(let signs): try signs.finish(context).negative.map(\.hat)
        case .grid(let signs, _): try signs.finish(context).map(\.hat)
        }
    }
}
