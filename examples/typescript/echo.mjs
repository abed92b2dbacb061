// The service of ../grpc/echo.proto for connect-es, without generated code.
import { create, createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import loader from "@grpc/proto-loader";

const definition = loader.loadSync(new URL("../grpc/echo.proto", import.meta.url).pathname);
const { fileDescriptorProtos } = Object.values(definition).find((part) => part.fileDescriptorProtos);
const file = fileDescriptorProtos.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
export const Echo = createFileRegistry(create(FileDescriptorSetSchema, { file })).getService("example.Echo");
