import CrypTenBase
import CrypTenRing
import Testing

@Suite("Shapes, views and storage")
struct ShapeTests {
    @Test("broadcasting follows NumPy's rule")
    func broadcasting() {
        #expect(Shape.broadcast([], []) == [])
        #expect(Shape.broadcast([3, 1], [4]) == [3, 4])
        #expect(Shape.broadcast([2, 1, 5], [7, 1]) == [2, 7, 5])
        #expect(Shape.broadcast([1], [0]) == [0])
        #expect(Shape.broadcast([3], [4]) == nil)
        #expect(Shape.broadcast([2, 3], [2]) == nil)
    }

    @Test("extents from outside are checked", arguments: [[-1], [1 << 41], [1 << 30, 1 << 30], [Int.max, Int.max]])
    func hostileExtents(dimensions: [Int]) {
        #expect(throws: CrypTenError.self) { try Shape(checking: dimensions) }
    }

    @Test("axes count from either end")
    func axes() throws {
        let shape: Shape = [2, 3, 5]
        #expect(shape[-1] == 5)
        #expect(shape.strides == [15, 5, 1])
        #expect(shape.reducing([-1, 0], keepDimensions: false) == [3])
        #expect(shape.reducing([-1, 0], keepDimensions: true) == [1, 3, 1])
        #expect(shape.around(axis: -2) == (outer: 2, extent: 3, inner: 5))
        #expect(try Shape(checking: [0, 1 << 20, 1 << 20]).count == 0)
    }

    @Test("a view beyond its source is seen")
    func bounds() {
        #expect(StridedView(shape: [2, 3], offset: 0, strides: [3, 1]).fits(count: 6))
        #expect(!StridedView(shape: [2, 3], offset: 1, strides: [3, 1]).fits(count: 6))
        #expect(!StridedView(shape: [2], offset: 0, strides: [-1]).fits(count: 6))
        #expect(StridedView(shape: [0], offset: 99, strides: [1]).fits(count: 0))
    }

    @Test("writing to a tensor leaves its copies as they were")
    func copies() {
        let a = RingTensor(0..<10, shape: [10])
        var b = a.flat(4..<8)
        b.withMutableWords { $0[0] = 99 }
        #expect(a.elements == Array(0..<10))
        #expect(b.elements == [99, 5, 6, 7])
        var planes = BitPlanes(zeros: 3, count: 70)
        let second = planes[1]
        planes.withMutableWords { $0[2] = 1 }
        #expect(second.bits(ofPlane: 0).allSatisfy { !$0 })
        #expect(planes.bits(ofPlane: 1)[0])
    }

    @Test("operations that don't fit name both shapes")
    func mismatches() {
        let operations: [(BilinearOperation, Shape, Shape)] = [
            (.multiply, [2], [3]), (.matmul(transposeLeft: false, transposeRight: false), [2, 3], [2, 3]),
            (.convolution(.init()), [1, 3, 5, 5], [2, 4, 3, 3]), (.convolution(.init()), [1, 3, 2, 2], [2, 3, 3, 3]),
            (.convolution(.init(groups: 2)), [1, 4, 5, 5], [3, 2, 3, 3]),
            (.convolutionInputGradient(.init(), height: 5, width: 5), [1, 2, 4, 4], [2, 3, 3, 3]),
            (.convolutionInputGradient(.init(groups: 3), height: 6, width: 6), [1, 2, 4, 4], [2, 1, 3, 3]),
            (.convolutionInputGradient(.init(), height: .max, width: 6), [1, 2, 4, 4], [2, 3, 3, 3]),
            (.convolutionKernelGradient(.init(), height: .max, width: 3), [1, 2, 6, 6], [1, 2, 4, 4]),
            (.convolution(.init(groups: .max)), [1, 4, 5, 5], [3, 2, 3, 3]),
        ]
        for (operation, left, right) in operations {
            #expect { try operation.outputShape(left, right) } throws: { error in
                let error = error as? CrypTenError
                return error?.code == .shapeMismatch && error!.message.contains("\(left)")
                    && error!.message.contains("\(right)")
            }
        }
    }
}
