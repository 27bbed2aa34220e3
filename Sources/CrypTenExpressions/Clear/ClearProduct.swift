internal import CrypTenRing

/// Numbers that products are made of: doubles, and integers modulo 2^64.
protocol ClearNumber: BitwiseCopyable {
    static var zero: Self { get }
    static func product(_ a: Self, _ b: Self) -> Self
    /// sum + a · b
    static func multiplyAdd(_ sum: Self, _ a: Self, _ b: Self) -> Self
    static func sum(_ a: Self, _ b: Self) -> Self
}

extension Double: ClearNumber {
    @inline(__always) static func product(_ a: Double, _ b: Double) -> Double { a * b }
    @inline(__always) static func multiplyAdd(_ sum: Double, _ a: Double, _ b: Double) -> Double { sum + a * b }
    @inline(__always) static func sum(_ a: Double, _ b: Double) -> Double { a + b }
}

extension Int64: ClearNumber {
    @inline(__always) static func product(_ a: Int64, _ b: Int64) -> Int64 { a &* b }
    @inline(__always) static func multiplyAdd(_ sum: Int64, _ a: Int64, _ b: Int64) -> Int64 { sum &+ a &* b }
    @inline(__always) static func sum(_ a: Int64, _ b: Int64) -> Int64 { a &+ b }
}

/// A bilinear operation on plain numbers: everything is a product of row-major matrices, convolutions by listing the
/// elements of their windows as columns.
struct ClearProduct {
    private let operation: BilinearOperation
    private let left: Shape
    private let right: Shape
    private let out: Shape

    init(_ operation: BilinearOperation, _ left: Shape, _ right: Shape, _ out: Shape) {
        self.operation = operation
        self.left = left
        self.right = right
        self.out = out
    }

    func evaluate<T: ClearNumber>(_ x: [T], _ y: [T]) -> [T] {
        switch operation {
        case .multiply:
            let (a, b) = (ClearProduct.broadcast(x, left, to: out), ClearProduct.broadcast(y, right, to: out))
            return zip(a, b).map { T.product($0, $1) }
        case .matmul(let transposeLeft, let transposeRight):
            return matmul(x, y, transposeLeft, transposeRight)
        case .convolution(let geometry):
            let windows = ClearWindows(geometry, input: left, kernel: right, output: out)
            return windows.output(x, y)
        case .convolutionInputGradient(let geometry, _, _):
            return ClearWindows(geometry, input: out, kernel: right, output: left).inputGradient(x, y)
        case .convolutionKernelGradient(let geometry, _, _):
            return ClearWindows(geometry, input: left, kernel: out, output: right).kernelGradient(x, y)
        }
    }

    private static func broadcast<T>(_ values: [T], _ shape: Shape, to target: Shape) -> [T] {
        if shape == target { return values }
        let new = target.rank - shape.rank
        let strides = (0..<target.rank).map { axis in
            axis < new || shape[axis - new] == 1 ? 0 : shape.strides[axis - new]
        }
        return values.withUnsafeBufferPointer { source in
            ClearPositions(shape: target, offset: 0, strides: strides).positions.map { source[$0] }
        }
    }

    private func matmul<T: ClearNumber>(_ x: [T], _ y: [T], _ transposeLeft: Bool, _ transposeRight: Bool) -> [T] {
        let (m, n) = (out[-2], out[-1])
        let k = transposeLeft ? left[-2] : left[-1]
        let batch = out.dimensions.dropLast(2)
        // Every batch's matrices in row-major order, untransposed.
        func arranged(_ values: [T], _ shape: Shape, transposed: Bool, _ rows: Int, _ columns: Int) -> [T] {
            let target = Shape(batch + [rows, columns])
            if target == shape, !transposed { return values }
            let new = target.rank - shape.rank
            var strides = (0..<target.rank).map { axis in
                axis < new || (axis < target.rank - 2 && shape[axis - new] == 1) ? 0 : shape.strides[axis - new]
            }
            if transposed { strides.swapAt(target.rank - 2, target.rank - 1) }
            return values.withUnsafeBufferPointer { source in
                ClearPositions(shape: target, offset: 0, strides: strides).positions.map { source[$0] }
            }
        }
        let a = arranged(x, left, transposed: transposeLeft, m, k)
        let b = arranged(y, right, transposed: transposeRight, k, n)
        var result = [T](repeating: .zero, count: out.count)
        result.withUnsafeMutableBufferPointer { c in
            a.withUnsafeBufferPointer { a in
                b.withUnsafeBufferPointer { b in
                    for item in 0..<batch.reduce(1, *) {
                        accumulateProduct(
                            a,
                            from: item * m * k,
                            b,
                            from: item * k * n,
                            into: c,
                            from: item * m * n,
                            m,
                            k,
                            n
                        )
                    }
                }
            }
        }
        return result
    }
}

/// c += a · b for row-major matrices `[m, k]`, `[k, n]` and `[m, n]` that start at the given positions.
func accumulateProduct<T: ClearNumber>(
    _ a: UnsafeBufferPointer<T>,
    from aStart: Int,
    _ b: UnsafeBufferPointer<T>,
    from bStart: Int,
    into c: UnsafeMutableBufferPointer<T>,
    from cStart: Int,
    _ m: Int,
    _ k: Int,
    _ n: Int
) {
    guard m > 0, k > 0, n > 0 else { return }
    precondition(aStart + m * k <= a.count && bStart + k * n <= b.count && cStart + m * n <= c.count)
    for row in 0..<m {
        let sums = c.baseAddress! + cStart + row * n
        for inner in 0..<k {
            let factor = a[aStart + row * k + inner]
            let values = b.baseAddress! + bStart + inner * n
            for column in 0..<n { sums[column] = T.multiplyAdd(sums[column], factor, values[column]) }
        }
    }
}
