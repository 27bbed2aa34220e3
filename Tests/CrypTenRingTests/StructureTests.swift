import CrypTenRing
import Testing

@Suite("Structure: gather, take, concatenate, pad, sum")
struct StructureTests {
    static func operand(_ shape: Shape) -> RingTensor {
        var numbers = SeededNumbers(0x57)
        return numbers.tensor(shape)
    }

    static let views: [(Shape, StridedView)] = {
        let cube: Shape = [3, 5, 7]
        let large: Shape = [2, 33, 4, 17]
        return [
            (cube, .permuting(cube, axes: [0, 1, 2])), (cube, .permuting(cube, axes: [2, 1, 0])),
            (cube, .permuting(cube, axes: [0, 2, 1])), (cube, .permuting(cube, axes: [1, 0, 2])),
            (cube, .permuting(cube, axes: [1, 2, 0])), (large, .permuting(large, axes: [0, 3, 2, 1])),
            (large, .permuting(large, axes: [3, 2, 1, 0])), (large, .permuting(large, axes: [0, 2, 3, 1])),
            (cube, .slicing(cube, starts: [2, 0, 6], steps: [-1, 2, -3], shape: [3, 3, 3])),
            (cube, .slicing(cube, starts: [1, 1, 1], steps: [1, 1, 1], shape: [1, 4, 0])),
            (large, .slicing(large, starts: [0, 32, 0, 1], steps: [1, -2, 1, 2], shape: [2, 17, 4, 8])),
            ([], .broadcasting([], to: [2, 3])), ([7], .broadcasting([7], to: [70, 7])),
            ([5, 1], .broadcasting([5, 1], to: [4, 5, 200])),
            ([1, 5, 1, 3], .broadcasting([1, 5, 1, 3], to: [2, 5, 9, 3])),
            ([], .permuting([], axes: [])), ([0, 3], .permuting([0, 3], axes: [1, 0])),
            ([300, 200], .permuting([300, 200], axes: [1, 0])),
        ]
    }()

    @Test("views equal the specification's", arguments: implementations)
    func gather(kernels: any Kernels) {
        for (shape, view) in Self.views {
            let a = Self.operand(shape)
            let out = kernels.gather(a, view)
            #expect(out.shape == view.shape)
            #expect(out.elements == plain.gather(a, view).elements, "\(shape), \(view)")
        }
    }

    @Test("a view means permute, slice, flip and broadcast")
    func meaning() {
        let a = RingTensor(0..<6, shape: [2, 3])
        #expect(plain.gather(a, .permuting(a.shape, axes: [1, 0])).elements == [0, 3, 1, 4, 2, 5])
        let flipped = StridedView.slicing(a.shape, starts: [0, 2], steps: [1, -1], shape: a.shape)
        #expect(plain.gather(a, flipped).elements == [2, 1, 0, 5, 4, 3])
        #expect(plain.broadcast(RingTensor([7, 8], shape: [2, 1]), to: [2, 3]).elements == [7, 7, 7, 8, 8, 8])
    }

    @Test("taking equals the specification's, along every axis", arguments: implementations)
    func take(kernels: any Kernels) {
        let a = Self.operand([4, 6, 5])
        for axis in [0, 1, 2, -1, -3] {
            for indices in [[], [3], [0, 3, 3, 1], [2, 2, 2, 2, 2, 2, 2]] {
                let (out, expected) = (
                    kernels.take(a, axis: axis, indices: indices), plain.take(a, axis: axis, indices: indices)
                )
                #expect(out.shape == expected.shape)
                #expect(out.elements == expected.elements)
            }
        }
    }

    @Test("concatenating equals the specification's, along every axis", arguments: implementations)
    func concatenate(kernels: any Kernels) {
        for axis in [0, 1, 2, -2] {
            let parts = [2, 0, 1, 5].map { Self.operand(Shape([3, 3, 70]).replacing(axis: axis, with: $0)) }
            let (out, expected) = (kernels.concatenate(parts, axis: axis), plain.concatenate(parts, axis: axis))
            #expect(out.shape == expected.shape)
            #expect(out.elements == expected.elements)
        }
    }

    @Test("padding equals the specification's", arguments: implementations)
    func pad(kernels: any Kernels) {
        let cases: [(Shape, [Int], [Int])] = [
            ([], [], []), ([4], [0], [0]), ([4], [2], [3]), ([0, 2], [1, 1], [1, 0]),
            ([2, 3, 5, 7], [0, 0, 1, 2], [0, 0, 3, 1]),
            ([3, 100], [1, 7], [0, 9]),
        ]
        for (shape, before, after) in cases {
            let a = Self.operand(shape)
            let out = kernels.pad(a, before: before, after: after, value: 0xFEED)
            let expected = plain.pad(a, before: before, after: after, value: 0xFEED)
            #expect(out.shape == expected.shape)
            #expect(out.elements == expected.elements)
        }
    }

    @Test("sums equal the specification's, over any axes", arguments: implementations)
    func sum(kernels: any Kernels) {
        for shape: Shape in [[3, 4, 5, 6], [2, 1, 70, 9], [4, 0, 3, 2]] {
            let a = Self.operand(shape)
            for axes in [[], [0], [3], [-1], [1, 2], [0, 3], [0, 2, 3], [2, 0], [0, 1, 2, 3], [1, -1]] {
                let (out, expected) = (kernels.sum(a, axes: axes), plain.sum(a, axes: axes))
                #expect(out.shape == expected.shape, "\(shape) over \(axes)")
                #expect(out.elements == expected.elements, "\(shape) over \(axes)")
            }
        }
    }
}
