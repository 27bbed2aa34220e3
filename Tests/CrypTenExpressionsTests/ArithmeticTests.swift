import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import Testing

@Suite("Arithmetic, comparisons and bits")
struct ArithmeticTests {
    static let shapes: [(Shape, Shape)] = [
        ([2, 3], [2, 3]), ([2, 3], [3]), ([2, 1], [1, 3]), ([], [2, 3]), ([4, 1, 3], [2, 1]), ([1], []),
        ([0, 3], [1, 3]),
    ]

    @Test("operators broadcast like index loops", arguments: shapes)
    func broadcasting(left: Shape, right: Shape) throws {
        var random = SeededGenerator(seed: 1)
        let session = ClearSession()
        let (a, b) = (random.reals(left), random.reals(right))
        let (x, y) = (session.secret(a), session.secret(b))
        let shape = try #require(Shape.broadcast(left, right))
        func loop(_ f: (Double, Double) -> Double) -> [Double] {
            tabulate(shape) { f(a.broadcastElement($0), b.broadcastElement($0)) }
        }
        expectClose(try session.value(x + y), loop { $0 + $1 })
        expectClose(try session.value(x - y), loop { $0 - $1 })
        expectClose(try session.value(x * y), loop { $0 * $1 })
        expectClose(try session.value(maximum(x, y)), loop { max($0, $1) })
        expectClose(try session.value(minimum(x, y)), loop { min($0, $1) })
        expectClose(try session.value(x .< y), loop { $0 < $1 ? 1 : 0 })
        expectClose(try session.value((x .> 0) & (y .> 0)), loop { $0 > 0 && $1 > 0 ? 1 : 0 })
        expectClose(try session.value((x .> 0) | (y .> 0)), loop { $0 > 0 || $1 > 0 ? 1 : 0 })
        expectClose(try session.value((x .> 0) ^ (y .> 0)), loop { ($0 > 0) != ($1 > 0) ? 1 : 0 })
        expectClose(try session.value((x .> 0) * y), loop { $0 > 0 ? $1 : 0 })
        expectClose(try session.value(which(x .> 0, x, y)), loop { $0 > 0 ? $0 : $1 })
        expectClose(
            try session.value(x.divided(by: Tensor([2, 4, 8], shape: [3]))),
            tabulate(Shape.broadcast(left, [3])!) { a.broadcastElement($0) / [2, 4, 8][$0.last!] }
        )
    }

    @Test("comparisons of equal and different numbers, on either side of a public one")
    func comparisons() throws {
        let session = ClearSession()
        let values: [Double] = [-2, -1, 0, 1, 2]
        let x = session.secret(Tensor(values, shape: [5]))
        let y = session.secret(Tensor([Int64(-2), 0, 0, 0, 3], shape: [5]))
        let pairs = Array(zip(values, [-2.0, 0, 0, 0, 3]))
        func bits(_ test: (Double, Double) -> Bool) -> [Double] { pairs.map { test($0, $1) ? 1 : 0 } }
        expectClose(try session.value(x .< y), bits(<))
        expectClose(try session.value(x .<= y), bits(<=))
        expectClose(try session.value(x .> y), bits(>))
        expectClose(try session.value(x .>= y), bits(>=))
        expectClose(try session.value(x .== y), bits(==))
        expectClose(try session.value(x .!= y), bits(!=))
        expectClose(try session.value(x.lessThan(y)), bits(<))
        expectClose(try session.value(x.lessThanOrEqual(y)), bits(<=))
        expectClose(try session.value(x.greaterThan(y)), bits(>))
        expectClose(try session.value(x.greaterThanOrEqual(y)), bits(>=))
        expectClose(try session.value(x.equal(y)), bits(==))
        expectClose(try session.value(x.notEqual(y)), bits(!=))
        expectClose(try session.value(1 .> x), [1, 1, 1, 0, 0])
        expectClose(try session.value(x .>= 1.0), [0, 0, 0, 1, 1])
        expectClose(try session.value(0.0 .<= x), [0, 0, 1, 1, 1])
        expectClose(try session.value((x .> 0) .== (y .> 0)), [1, 1, 1, 0, 1])
        expectClose(try session.value((x .> 0) .== 1), [0, 0, 0, 1, 1])
        expectClose(try session.value((x .> 0).notEqual(y .> 0)), [0, 0, 0, 1, 0])
    }

    @Test("kinds mix as documented, and whole factors stay exact integers")
    func kinds() throws {
        let session = ClearSession()
        let real = session.secret(Tensor([1.5, -2], shape: [2]))
        let integer = session.secret(Tensor([Int64(3), 4], shape: [2]))
        let bit = session.secret(Tensor(.bool([true, false]), shape: [2]))
        #expect((real + integer).kind == .real)
        #expect((integer + 1).kind == .integer)
        #expect((integer + 1.5).kind == .real)
        #expect((integer / 2).kind == .real)
        #expect((bit + bit).kind == .integer)
        #expect((bit * real).kind == .real)
        #expect((bit * bit).kind == .integer)
        #expect((real * 3.0).node.inputs[1].kind == .integer)
        #expect((3 * real).node.inputs[0].kind == .integer)
        #expect((real * 0.5).node.inputs[1].kind == .real)
        #expect((integer * 2.0).kind == .real)
        expectClose(try session.value(real + integer), [4.5, 2])
        expectClose(try session.value(real * integer), [4.5, -8])
        expectClose(try session.value(integer * 2.0), [6, 8])
        expectClose(try session.value(bit + bit), [2, 0])
        expectClose(try session.value(bit * integer + 1), [4, 1])
        expectClose(try session.value(-bit), [-1, 0])
        expectClose(try session.value(7 - real), [5.5, 9])
        expectClose(try session.value(real / 4), [0.375, -0.5])
        expectClose(try session.value(~bit), [0, 1])
        expectClose(try session.value(`where`(bit, ~bit, bit)), [0, 0])
        expectClose(try session.value(which(bit, integer, 0)), [3, 0])
        var sum = real
        sum += 1
        sum *= integer
        sum -= real
        sum /= 2.0
        expectClose(try session.value(sum), [3, -1])
        #expect(real.visibility == .secret)
        #expect((CrypTensor(1.0) + 2).visibility == .public)
    }

    @Test("integers are exact modulo 2^64")
    func wrapping() throws {
        let session = ClearSession()
        let x = session.secret(Tensor([Int64.max, .min, 1 << 62], shape: [3]))
        #expect(try session.value(x + 1).integers == [.min, .min + 1, 1 << 62 + 1])
        #expect(try session.value(x * 4).integers == [-4, 0, 0])
        #expect(try session.value(-x).integers == [-.max, .min, -(1 << 62)])
        #expect(try session.value(x.sum()).integers == [(1 << 62) - 1])
    }
}
