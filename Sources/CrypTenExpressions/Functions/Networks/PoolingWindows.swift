/// The windows of a pooling along one axis.
struct PoolingWindows {
    let input: Int
    let kernel: Int
    let stride: Int
    let before: Int
    let after: Int
    let dilation: Int
    /// How many windows there are.
    let output: Int

    /// No more positions than this are listed, whatever a file asks for.
    static let largestCount = 1 << 18

    /// The windows, or nil where the numbers make no sense or no window fits.
    init?(input: Int, kernel: Int, stride: Int, before: Int, after: Int, dilation: Int, ceilMode: Bool) {
        let plausible = 1...1 << 20
        guard [kernel, stride, dilation].allSatisfy(plausible.contains),
            [before, after].allSatisfy({ (0...1 << 20).contains($0) })
        else { return nil }
        let room = input + before + after - dilation * (kernel - 1) - 1
        guard room >= 0 else { return nil }
        var output = room / stride + 1
        // The last window in ceil mode must start inside the input or in the padding before it.
        if ceilMode, room % stride != 0, output * stride < input + before { output += 1 }
        guard kernel * output <= PoolingWindows.largestCount else { return nil }
        (self.input, self.kernel, self.stride, self.before, self.after) = (input, kernel, stride, before, after)
        (self.dilation, self.output) = (dilation, output)
    }

    /// Whether the windows lie side by side and cover the input.
    var tiles: Bool {
        stride == kernel && dilation == 1 && before == 0 && after == 0 && output * kernel == input
    }

    /// The input's position of element k of window o, at `k · output + o`; outside of the input in the padding.
    var positions: [Int] {
        (0..<kernel).flatMap { k in (0..<output).map { o in o * stride - before + k * dilation } }
    }

    /// `positions` with those outside replaced by the nearest one inside of the same window; nil where a window has
    /// none.
    var indicesInside: [Int]? {
        var indices: [Int] = []
        indices.reserveCapacity(kernel * output)
        for k in 0..<kernel {
            for o in 0..<output {
                let start = o * stride - before
                // The elements of this window that lie inside are numbers `low` to `high`.
                let low = start >= 0 ? 0 : (-start + dilation - 1) / dilation
                let high = start >= input ? -1 : Swift.min(kernel - 1, (input - 1 - start) / dilation)
                guard low <= high else { return nil }
                indices.append(start + Swift.min(Swift.max(k, low), high) * dilation)
            }
        }
        return indices
    }

    /// How far the last window, or the padding that nothing reads, goes beyond the input's end; 0 where it doesn't.
    var reachBeyondInput: Int {
        Swift.max(0, (output - 1) * stride - before + dilation * (kernel - 1) + 1 - input)
    }

    /// How many elements each window's mean divides by.
    func counts(includingPadding: Bool) -> [Int] {
        let inside = includingPadding ? -before..<input + after : 0..<input
        return (0..<output).map { o in
            (0..<kernel).count { k in inside.contains(o * stride - before + k * dilation) }
        }
    }

    /// Whether the largest of windows take fewer comparisons, and no more rounds, along one axis after the other than all at
    /// once. Counted with groups of four, of which all pairs are compared; windows of volumes always count as such.
    static func areCheaperOneByOne(_ windows: [PoolingWindows]) -> Bool {
        guard windows.count == 2 else { return windows.count > 2 }
        let (rows, columns) = (windows[0], windows[1])
        let (along, across, both) = (
            Tournament(rows.kernel), Tournament(columns.kernel), Tournament(rows.kernel * columns.kernel)
        )
        let (output, first) = (rows.output * columns.output, rows.output * columns.input)
        return along.levels + across.levels <= both.levels
            && first * along.comparisons + output * across.comparisons < output * both.comparisons
    }

    /// What it takes to find the largest of some values.
    private struct Tournament {
        var levels = 0
        var comparisons = 0

        init(_ count: Int) {
            var count = count
            while count > 1 {
                let (fours, rest) = count.quotientAndRemainder(dividingBy: 4)
                comparisons += fours * 6 + rest * (rest - 1) / 2
                count = fours + (rest > 0 ? 1 : 0)
                levels += 1
            }
        }
    }
}
