import CrypTenDevice
import CrypTenRing
import Testing

/// Sizes and offsets as arguments.h says them: 8 bytes a `u64`, 4 a `u32`, without gaps.
@Suite("What kernels are told")
struct ArgumentTests {
    @Test("structs have the size that C gives them")
    func sizes() {
        func check<Arguments>(_ type: Arguments.Type, _ size: Int) {
            #expect(MemoryLayout<Arguments>.size == size, "\(type)")
            #expect(MemoryLayout<Arguments>.stride == size, "\(type)")
            #expect(MemoryLayout<Arguments>.alignment == 8, "\(type)")
        }
        check(FillArguments.self, 24)
        check(ElementwiseStep.self, 40)
        #expect(ElementwiseArguments.bytes == 1008)
        check(ExpandPart.self, 48)
        #expect(ExpandArguments.bytes == 1016)
        check(TailsArguments.self, 32)
        check(TruncateArguments.self, 40)
        check(PackArguments.self, 32)
        check(AddUnpackedArguments.self, 40)
        check(PlanesArguments.self, 40)
        check(BooleanArguments.self, 40)
        #expect(BooleanArguments.bytes == 304)
        check(CopyArguments.self, 240)
        check(TakeArguments.self, 56)
        check(SumArguments.self, 296)
        check(ProductArguments.self, 96)
        check(PatchesArguments.self, 104)
        check(WeightsArguments.self, 48)
        check(PlaneProductArguments.self, 96)
        check(ResiduesArguments.self, 56)
        check(ResidueProductArguments.self, 136)
        check(ReconstructArguments.self, 72)
        #expect(MemoryLayout<AxisNumbers>.size == 64)
        #expect(MemoryLayout<RoundKeys>.size == 176)
    }

    @Test("fields lie where C puts them")
    func offsets() {
        func check<Arguments>(_ type: Arguments.Type, _ fields: [(PartialKeyPath<Arguments>, Int)]) {
            for (field, offset) in fields {
                #expect(MemoryLayout<Arguments>.offset(of: field) == offset, "\(type), \(field)")
            }
        }
        check(FillArguments.self, [(\.to, 0), (\.count, 8), (\.value, 16)])
        check(
            ElementwiseStep.self,
            [
                (\.s, 0), (\.t, 8), (\.v, 16), (\.operation, 24), (\.flags, 28), (\.places, 32), (\.more, 36),
            ]
        )
        #expect(ElementwiseArguments.bases == 640 && ElementwiseArguments.count == 832)
        #expect(ElementwiseArguments.firstWalk == 840 && ElementwiseArguments.stepCount == 1000)
        check(
            ExpandPart.self,
            [(\.to, 0), (\.count, 8), (\.number, 16), (\.first, 24), (\.combination, 32), (\.key, 36), (\.groups, 40)]
        )
        #expect(ExpandArguments.keys == 480 && ExpandArguments.count == 1008)
        check(TailsArguments.self, [(\.to, 0), (\.planes, 8), (\.step, 16), (\.mask, 24)])
        check(TruncateArguments.self, [(\.to, 0), (\.selector, 8), (\.from, 16), (\.count, 24), (\.shift, 32)])
        check(PackArguments.self, [(\.to, 0), (\.from, 8), (\.count, 16), (\.bits, 24)])
        check(
            AddUnpackedArguments.self,
            [(\.to, 0), (\.from, 8), (\.chosen, 16), (\.count, 24), (\.bits, 32), (\.shift, 36)]
        )
        check(
            PlanesArguments.self,
            [(\.to, 0), (\.from, 8), (\.count, 16), (\.step, 24), (\.low, 32), (\.planes, 36)]
        )
        check(
            BooleanArguments.self,
            [(\.program, 0), (\.table, 8), (\.scratch, 16), (\.count, 24), (\.step, 32)]
        )
        #expect(BooleanArguments.bases == 40 && BooleanArguments.steps == 296 && BooleanArguments.registers == 300)
        check(
            CopyArguments.self,
            [
                (\.to, 0), (\.from, 8), (\.count, 16), (\.toOffset, 24), (\.fromOffset, 32), (\.extents, 40),
                (\.toSteps, 104), (\.fromSteps, 168), (\.combination, 232),
            ]
        )
        check(
            TakeArguments.self,
            [
                (\.to, 0), (\.from, 8), (\.indices, 16), (\.outer, 24), (\.count, 32), (\.extent, 40), (\.inner, 48),
            ]
        )
        check(
            SumArguments.self,
            [
                (\.to, 0), (\.from, 8), (\.count, 16), (\.terms, 24), (\.keptExtents, 32), (\.keptSteps, 96),
                (\.summedExtents, 160), (\.summedSteps, 224), (\.width, 288),
            ]
        )
        check(
            ProductArguments.self,
            [
                (\.c, 0), (\.a, 8), (\.b, 16), (\.aRow, 24), (\.aInner, 32), (\.bInner, 40), (\.bColumn, 48),
                (\.aBatch, 56), (\.bBatch, 64), (\.cBatch, 72), (\.rows, 80), (\.columns, 84), (\.inner, 88),
                (\.subtract, 92),
            ]
        )
        check(
            PatchesArguments.self,
            [
                (\.to, 0), (\.from, 8), (\.channelStep, 16), (\.rowStep, 24), (\.columnStep, 32), (\.count, 40),
                (\.channels, 48), (\.height, 52), (\.width, 56), (\.kernelHeight, 60), (\.kernelWidth, 64),
                (\.outHeight, 68), (\.outWidth, 72), (\.strideY, 76), (\.strideX, 80), (\.paddingY, 84),
                (\.paddingX, 88), (\.dilationY, 92), (\.dilationX, 96),
            ]
        )
        check(
            PlaneProductArguments.self,
            [
                (\.to, 0), (\.image, 8), (\.weights, 16), (\.count, 24), (\.outputs, 32), (\.groupOutputs, 36),
                (\.height, 40), (\.width, 44), (\.kernelHeight, 48), (\.kernelWidth, 52), (\.outHeight, 56),
                (\.outWidth, 60), (\.strideY, 64), (\.strideX, 68), (\.paddingY, 72), (\.paddingX, 76),
                (\.dilationY, 80), (\.dilationX, 84), (\.subtract, 88),
            ]
        )
        check(
            ResiduesArguments.self,
            [
                (\.to, 0), (\.from, 8), (\.outerStep, 16), (\.rowStep, 24), (\.innerStep, 32), (\.rows, 40),
                (\.split, 44), (\.inner, 48), (\.padded, 52),
            ]
        )
        check(
            ResidueProductArguments.self,
            [
                (\.to, 0), (\.a, 8), (\.b, 16), (\.aPlane, 24), (\.bPlane, 32), (\.aBatch, 40), (\.bBatch, 48),
                (\.batches, 56), (\.rows, 60), (\.columns, 64), (\.padded, 68), (\.firstPixel, 72),
                (\.tapChunks, 76), (\.imageChunks, 80), (\.height, 84), (\.width, 88), (\.kernelHeight, 92),
                (\.kernelWidth, 96), (\.outPlane, 100), (\.outWidth, 104), (\.strideY, 108), (\.strideX, 112),
                (\.paddingY, 116), (\.paddingX, 120), (\.dilationY, 124), (\.dilationX, 128),
            ]
        )
        check(
            ReconstructArguments.self,
            [
                (\.to, 0), (\.from, 8), (\.batchStep, 16), (\.rowStep, 24), (\.imageStep, 32), (\.batches, 40),
                (\.rows, 44), (\.columns, 48), (\.padded, 52), (\.firstPixel, 56), (\.outPlane, 60),
                (\.subtract, 64),
            ]
        )
        check(
            WeightsArguments.self,
            [(\.to, 0), (\.blocks, 8), (\.factors, 16), (\.addend, 24), (\.count, 32), (\.planes, 40)]
        )
    }

    @Test("operations have the numbers of arguments.h")
    func operations() throws {
        let header = try #require(
            KernelSource.text.split(separator: "enum {", maxSplits: 1).last?.split(separator: "}", maxSplits: 1).first
        )
        let names = header.split(separator: "\n").compactMap { line -> String? in
            let name = line.drop { $0 == " " }.prefix { $0 != "," }
            return name.hasPrefix("OP_") ? String(name.dropFirst(3)) : nil
        }
        let cases = ElementwiseOperation.allCases.map { operation in
            "\(operation)".reduce(into: "") { $0 += $1.isUppercase ? "_\($1)" : $1.uppercased() }
        }
        #expect(cases == names)
        #expect(ElementwiseOperation.allCases.map { Int($0.rawValue) } == Array(cases.indices))
        #expect(Combination.xor.rawValue == 3)
    }

    @Test("round keys are those of FIPS 197, A.1")
    func roundKeys() {
        // 2b7e1516 28aed2a6 abf71588 09cf4f3c; the last round's key is d014f9a8 c9ee2589 e13f0cc8 b6630ca6.
        let keys = RoundKeys(ExpansionKey(low: 0xa6d2_ae28_1615_7e2b, high: 0x3c4f_cf09_8815_f7ab))
        let last = [keys.last.first, keys.last.second, keys.last.third, keys.last.fourth]
        #expect(last.map(\.byteSwapped) == [0xd014_f9a8, 0xc9ee_2589, 0xe13f_0cc8, 0xb663_0ca6])
        #expect(RoundKeys.substituted(0x5301_FF00) == 0xED7C_1663)
    }
}
