#include "imapd/admin/message_spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "common/base/file.h"

namespace pennypost::imap {
namespace {

constexpr const char* spool_name = "the spool";

}  // namespace

Result<MessageSpool> MessageSpool::open(const std::string& directory) {
  MessageSpool spool;
  spool.file_ = Descriptor(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (spool.file_) return spool;
  // The file system has no O_TMPFILE.
  auto path = directory + "/pennypost-copy-XXXXXX";
  spool.file_ = Descriptor(::mkostemp(path.data(), O_CLOEXEC));
  if (!spool.file_) return file_error("make a file in", directory);
  ::unlink(path.c_str());
  return spool;
}

Result<void> MessageSpool::clear(bool makes_digests) {
  makes_digests_ = makes_digests;
  digest_.reset();
  begin_ = size_ = 0;
  bool is_empty = ::ftruncate(file_.number(), 0) == 0 && ::lseek(file_.number(), 0, SEEK_SET) == 0;
  return is_empty ? Result<void>() : Result<void>(file_error("empty", spool_name));
}

Result<void> MessageSpool::begin(std::uint64_t) {
  begin_ = size_;
  if (makes_digests_) digest_.emplace();
  return {};
}

Result<void> MessageSpool::add(std::string_view octets) {
  TRY_DO(write_all(file_.number(), octets, spool_name));
  size_ += octets.size();
  if (digest_) digest_->add(octets);
  return {};
}

std::string MessageSpool::digest() {
  auto done = digest_ ? digest_->finish() : std::string();
  digest_.reset();
  return done;
}

}  // namespace pennypost::imap
