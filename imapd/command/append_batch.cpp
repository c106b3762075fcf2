#include "imapd/command/append_batch.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/base/assert.h"
#include "common/base/file.h"
#include "common/mail/binary_parts.h"

namespace pennypost::imap {
namespace {

// What the messages of one command may hold in memory; beyond it they go to a file.
constexpr std::uint64_t memory_octets_max = 64 << 10;
// How often it is checked, in octets, that there is still room.
constexpr std::uint64_t room_interval = 256 << 10;

Result<Descriptor> nameless_file(const std::string& directory) {
  Descriptor file(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file) return file;
  // The file system has no O_TMPFILE.
  auto path = directory + "/pennypost-append-XXXXXX";
  file = Descriptor(::mkostemp(path.data(), O_CLOEXEC));
  if (!file) return Error::temporary("Can't store the message while it arrives");
  ::unlink(path.c_str());
  return file;
}

}  // namespace

Result<void> AppendBatch::begin(store::NewMessage fresh) {
  if (messages.size() == messages_max) {
    return Error(550, ResponseCode::Limit, "Too many messages at once");
  }
  message_octets_ = 0;
  messages.push_back(std::move(fresh));
  return {};
}

bool AppendBatch::fits_memory(std::uint64_t octets) const {
  return memory_octets_ + octets <= memory_octets_max;
}

Result<void> AppendBatch::announce(std::uint64_t octets, std::uint64_t octets_max) {
  auto held = account_.spooled_octets;
  if (octets > octets_max || held > octets_max - octets) {
    return Error(452, ResponseCode::Limit, "too much mail on its way (imap_append_spool_limit)")
        .told("Too much mail on its way");
  }
  account_.spooled_octets += octets;
  announced_octets_ += octets;
  return {};
}

void AppendBatch::begin_part(std::uint64_t octets, const std::string& directory) {
  if (++parts_ > parts_max + messages_max) {
    fail(Error(550, ResponseCode::Limit, "Too many parts at once"));
  }
  in_memory_ = fits_memory(octets);
  is_made_of_lines_ = true;
  last_binary_ = 0;
  part_begin_ = file_octets;
  message_octets_ += octets;
  if (in_memory_) {
    memory_octets_ += octets;
    texts_.emplace_back().reserve(static_cast<std::size_t>(octets));
  } else if (!file_ && !failure) {
    auto file = nameless_file(directory);
    if (file) {
      file_ = *std::move(file);
    } else {
      fail(file.error());
    }
  }
}

Result<void> AppendBatch::add(std::string_view bytes, store::MailStore& store) {
  if (in_memory_) {
    texts_.back() += bytes;
    return {};
  }
  return failure ? Result<void>() : write(bytes, store);
}

Result<void> AppendBatch::write(std::string_view bytes, store::MailStore& store) {
  if (!write_all(file_.number(), bytes, "the spool")) {
    return Error::temporary("Can't store the message while it arrives");
  }
  file_octets += bytes.size();
  for (auto at = bytes.find('\n'); at != std::string_view::npos; at = bytes.find('\n', at + 1)) {
    bool has_cr = at > 0 ? bytes[at - 1] == '\r' : after_cr_;
    if (has_cr) ++line_ends_;
  }
  after_cr_ = bytes.ends_with('\r');
  if (file_octets - asked_at_ < room_interval) return {};
  asked_at_ = file_octets;
  auto replaced_bytes = messages.back().replaced_bytes;
  auto octets_stored = file_octets - line_ends_;
  octets_stored -= std::min(octets_stored, replaced_bytes.value_or(0));
  return store.check_room(octets_stored, messages.size() - (replaced_bytes ? 1 : 0));
}

void AppendBatch::end_part() {
  auto& body = messages.back().body;
  if (in_memory_) {
    body.emplace_back(std::string_view(texts_.back()));
  } else {
    body.emplace_back(store::FileRange{file_.number(), part_begin_, file_octets - part_begin_});
  }
}

void AppendBatch::fail(Error why) {
  failure = std::move(why);
  file_ = Descriptor();
  account_.spooled_octets -= std::exchange(announced_octets_, 0);
}

void AppendBatch::look_at_binary(std::string_view bytes) {
  if (bytes.empty()) return;
  bool begins_line_end = bytes.front() == '\n' && last_binary_ == '\r';
  auto rest = bytes.substr(begins_line_end ? 1 : 0);
  is_made_of_lines_ = is_made_of_lines_ && pennypost::is_made_of_lines(rest);
  last_binary_ = bytes.back();
}

Result<void> AppendBatch::encode_binary() {
  if (binary_octets_ + message_octets_ > binary_octets_max) {
    return Error(550, "[UNKNOWN-CTE] So much binary content can't be stored");
  }
  auto& body = messages.back().body;
  ASSERT(body.size() == 1);
  std::string read;
  if (const auto* range = std::get_if<store::FileRange>(&body.front())) {
    TRY(read, read_exactly(range->descriptor, range->offset, range->length, "the spool"));
  } else {
    read = std::get<std::string_view>(body.front());
  }
  auto encoded = encode_binary_parts(read);
  if (!encoded) return Error(550, "[UNKNOWN-CTE] Binary content can't be stored");
  binary_octets_ += message_octets_;
  body = {store::Piece(std::string_view(texts_.emplace_back(*std::move(encoded))))};
  return {};
}

}  // namespace pennypost::imap
