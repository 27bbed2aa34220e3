package import CrypTenRing

/// Some planes of shared bits: a view, so that all who read them choose by the same transfers.
///
/// Safety of `@unchecked Sendable`: the one thread that makes a run's correlations uses it.
package struct PairPlanes: @unchecked Sendable {
    package let source: PairBits
    let range: Range<Int>

    package init(_ source: PairBits, _ range: Range<Int>? = nil) {
        self.source = source
        self.range = range ?? 0..<source.planes
    }

    package var planes: Int { range.count }
    package var count: Int { source.count }
    package var moment: Int { source.moment }

    /// This party's part.
    package var part: Later<BitPlanes> {
        let range = range
        return range.count == source.planes ? source.part : source.part.map { $0[range] }
    }

    subscript(_ planes: Range<Int>) -> PairPlanes {
        PairPlanes(source, range.lowerBound + planes.lowerBound..<range.lowerBound + planes.upperBound)
    }

    /// Elements `elements` of every plane; equal ones are made once.
    func slab(_ elements: Range<Int>, _ kernels: any Kernels) -> PairPlanes {
        elements == 0..<count ? self : PairPlanes(source.slab(elements, kernels), range)
    }
}
