#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace ane {

namespace {

// Closes a descriptor on every way out.
struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

[[noreturn]] void fail(const std::string& name, const char* action, int error) {
  throw Error(name, "", fmt::format("cannot {}: {}", action, std::strerror(error)));
}

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) : name_(path.string()) {
  // Non-blocking, so that opening a FIFO somebody put there cannot hang; it is refused just below.
  Descriptor file{::open(name_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) fail(name_, "open", errno);
  struct stat status {};
  if (::fstat(file.fd, &status) != 0) fail(name_, "read", errno);
  if (!S_ISREG(status.st_mode)) throw Error(name_, "", "is not a regular file");
  const auto size = static_cast<size_t>(status.st_size);
  if (size == 0) return;
  void* memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (memory == MAP_FAILED) fail(name_, "map", errno);
  owner_ =
      std::shared_ptr<const void>(memory, [size](const void* p) { ::munmap(const_cast<void*>(p), size); });
  bytes_ = {static_cast<const uint8_t*>(memory), size};
}

void write_file(const std::filesystem::path& path, std::span<const ByteSpan> pieces) {
  std::string temporary = path.string() + ".XXXXXX";
  Descriptor file{::mkostemp(temporary.data(), O_CLOEXEC)};
  if (file.fd < 0) fail(path.string(), "write", errno);
  const auto give_up = [&](int error) {
    ::unlink(temporary.c_str());
    fail(path.string(), "write", error);
  };
  for (ByteSpan left : pieces)
    while (!left.empty()) {
      const ssize_t count = ::write(file.fd, left.data(), left.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) give_up(errno);
      left = left.subspan(static_cast<size_t>(count));
    }
  // mkostemp makes the file private; the result gets what the user's umask would have given it.
  const mode_t mask = ::umask(0);
  ::umask(mask);
  if (::fchmod(file.fd, 0666 & ~mask) != 0) give_up(errno);
  if (::rename(temporary.c_str(), path.c_str()) != 0) give_up(errno);
}

void write_file(const std::filesystem::path& path, ByteSpan bytes) {
  write_file(path, std::span(&bytes, 1));
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  write_file(path, ByteSpan(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

}  // namespace ane
