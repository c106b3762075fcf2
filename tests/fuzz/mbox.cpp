// An mbox and the journal beside it, as a crash or another program may have left them: no crash,
// extents that cover the file without a gap, and messages that come back as they were stored.
//
// The first byte chooses: a message to be quoted and read back, a file to be scanned, or a journal
// (its first 128 bytes the head) to be recovered over a file.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "common/base/scratch.h"
#include "common/base/text.h"
#include "store/mailbox/file.h"
#include "store/mailbox/keyword.h"
#include "store/mbox/journal.h"
#include "store/mbox/scan.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

const std::string path = "mbox";
constexpr std::size_t messages_max = 100;
constexpr std::size_t head_bytes = 128;

Descriptor memory_file(std::string_view bytes) {
  Descriptor file(::memfd_create("mbox", MFD_CLOEXEC));
  ASSERT(file && write_all(file.number(), bytes, path));
  return file;
}

std::string content(int descriptor) {
  auto size = static_cast<std::uint64_t>(::lseek(descriptor, 0, SEEK_END));
  auto bytes = read_range(descriptor, 0, size, path);
  ASSERT(bytes);
  return *std::move(bytes);
}

void check_fields(const MboxEntry& entry) {
  for (const auto& name : entry.meta.keywords) ASSERT(is_keyword(name));
  if (entry.base) {
    for (const auto& name : entry.base->keywords) ASSERT(is_keyword(name));
    auto again = MboxBase::parse(entry.base->value());
    ASSERT(again && again->last_uid == entry.base->last_uid);
  }
  (void)meta_lines(entry.meta, entry.base ? &*entry.base : nullptr);
}

/// As IMAP shows it, in octets.
std::size_t octets_of(std::string_view text) {
  std::size_t bare = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) ++bare;
  }
  return text.size() + bare;
}

std::vector<MboxEntry> scan(std::string_view bytes) {
  auto file = memory_file(bytes);
  auto entries = scan_mbox(file.number(), path, messages_max);
  if (!entries) return {};
  std::uint64_t end = entries->empty() ? 0 : entries->front().from_offset;
  for (const auto& entry : *entries) {
    ASSERT(entry.from_offset == end && entry.header_offset > entry.from_offset);
    ASSERT(entry.header_offset <= entry.body_offset && entry.body_offset <= entry.end_offset);
    ASSERT(entry.end_offset <= entry.next_offset);
    end = entry.next_offset;
    auto shown = shown_message(file.number(), entry, path);
    ASSERT(shown && octets_of(*shown) == entry.octets);
    auto header = shown_header(file.number(), entry, path);
    ASSERT(header && shown->starts_with(*header));
    check_fields(entry);
  }
  if (!entries->empty()) ASSERT(end == bytes.size());
  ASSERT(missing_line_ends(file.number(), path));
  return *std::move(entries);
}

std::string quoted(std::string_view message, std::size_t piece) {
  std::string out;
  MboxQuoter quoter([&](std::string_view block) -> Result<void> {
    out += block;
    return {};
  });
  for (; !message.empty(); message.remove_prefix(std::min(piece, message.size()))) {
    ASSERT(quoter.add(message.substr(0, piece)));
  }
  ASSERT(quoter.finish());
  return out;
}

/// Whatever is delivered is one message, and shown as it came but for our own fields.
void store_and_show(std::string_view message) {
  auto body = quoted(message, message.size() + 1);
  ASSERT(body == quoted(message, 1) && body == quoted(message, 3));
  auto bytes = from_line("ann@example.org", 1'700'000'000) + body;
  auto entries = scan(bytes);
  ASSERT(entries.size() == 1 && entries[0].meta.keywords.empty() && !entries[0].base);
  auto file = memory_file(bytes);
  auto shown = shown_message(file.number(), entries[0], path);
  ASSERT(shown);
  auto end = message.find("\n\n");
  bool is_whole = message.ends_with('\n') && end != message.npos &&
                  message.find('\r') == message.npos && !message.starts_with('\n');
  if (is_whole) ASSERT(shown->ends_with(message.substr(end + 2)));
}

void recover(std::string_view head, std::string_view rest) {
  static const Scratch scratch;
  auto parsed = MboxJournalHead::parse(head);
  if (parsed) ASSERT(MboxJournalHead::parse(parsed->text())->text() == parsed->text());
  // A file with a hole of any size would be read for hours.
  if (parsed && std::max(parsed->old_size, parsed->new_size) > 1 << 20) return;
  auto journal = scratch / "journal";
  auto half = rest.size() / 2;
  auto before = rest.substr(half);
  auto file = memory_file(before);
  ASSERT(replace_file(journal, journal + ".new",
                      std::string(head) + std::string(rest.substr(0, half)), false));
  auto recovered = MboxJournal(file.number(), path, FilePlace(journal)).recover();
  auto after = content(file.number());
  if (!parsed) ASSERT(recovered && after == before);
  if (parsed) {
    // What lies before the new end is not touched.
    auto kept = std::min<std::size_t>(parsed->begin, before.size());
    ASSERT(after.size() >= kept && after.substr(0, kept) == before.substr(0, kept));
  }
  if (!recovered) return;
  ASSERT(!FileStamp::of(journal).exists());
  ASSERT(MboxJournal(file.number(), path, FilePlace(journal)).recover());
  ASSERT(content(file.number()) == after);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'q':
      store_and_show(input);
      break;
    case 'j':
      recover(input.substr(0, head_bytes), input.substr(std::min(head_bytes, input.size())));
      break;
    case 'd':
      if (auto date = parse_from_line(input)) {
        auto line = from_line("ann", *date);
        line.pop_back();
        (void)parse_from_line(line);
      }
      break;
    default:
      scan(input);
  }
  return 0;
}
