#include "store/maildir/folder_snapshot.h"

namespace pennypost::store {
namespace {

constexpr std::string_view form = "folder state 1\n";
constexpr std::size_t message_bytes_min = 25;  // without its name
constexpr int in_new_bit = 4;
constexpr int old_version_bit = 1;
constexpr int has_ids_bit = 2;

class Writer {
 public:
  explicit Writer(std::size_t expected) { out_.reserve(expected); }
  template <class Number>
  void number(Number value) {
    auto bits = static_cast<std::uint64_t>(value);
    for (std::size_t i = 0; i < sizeof value; ++i) out_ += static_cast<char>(bits >> (8 * i) & 255);
  }
  void text(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    out_ += value;
  }
  void stamp(const FileStamp& value) {
    number(value.device);
    number(value.inode);
    number(value.size);
    number(value.mtime_ns);
  }
  std::string& out() { return out_; }

 private:
  std::string out_;
};

// After the first missing value all others are zero, and good() is false.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}
  template <class Number>
  Number number() {
    auto bytes = take(sizeof(Number));
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bits |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    }
    return static_cast<Number>(bits);
  }
  std::string_view text() { return take(number<std::uint32_t>()); }
  std::string_view take(std::size_t count) {
    if (count > rest_.size()) good_ = false;
    if (!good_) return {};
    auto taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  FileStamp stamp() {
    FileStamp value;
    value.device = number<std::uint64_t>();
    value.inode = number<std::uint64_t>();
    value.size = number<std::uint64_t>();
    value.mtime_ns = number<std::int64_t>();
    return value;
  }
  bool good() const { return good_; }
  std::size_t left() const { return rest_.size(); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

}  // namespace

bool FolderStamps::tell_cur_is_known(const FolderStamps& now) const {
  if (!cur.exists() || now.cur != cur) return false;
  return list_again_at_ns != 0 ? now.taken_at_ns < list_again_at_ns : cur.settled(taken_at_ns);
}

bool FolderStamps::tell_all_is_known(const FolderStamps& now) const {
  return tell_cur_is_known(now) && now.fresh == fresh && fresh.settled(taken_at_ns) &&
         now.uidlist == uidlist && now.keywords == keywords;
}

std::string FolderSnapshot::encode(const FolderStamps& stamps, const UidList::Mark& uidlist,
                                   const FolderState& state) {
  Writer writer(state.names_.size() + state.messages.size() * message_bytes_min + 1024);
  writer.out() += form;
  for (const auto* stamp : {&stamps.fresh, &stamps.cur, &stamps.uidlist, &stamps.keywords}) {
    writer.stamp(*stamp);
  }
  writer.number(stamps.taken_at_ns);
  writer.number(stamps.list_again_at_ns);
  writer.number(uidlist.uid_validity);
  writer.number(uidlist.next_uid);
  writer.number(uidlist.last_uid);
  writer.number(uidlist.count);
  writer.number(uidlist.read_bytes);
  writer.stamp(uidlist.stamp);
  writer.number(static_cast<std::uint8_t>((uidlist.old_version ? old_version_bit : 0) |
                                          (uidlist.has_ids ? has_ids_bit : 0)));
  writer.text(uidlist.header_extensions);
  writer.number(state.last_uid.value());
  writer.number(state.uid_next.value());
  writer.number(state.highest.value());
  writer.number(static_cast<std::uint32_t>(state.keywords.size()));
  for (const auto& keyword : state.keywords) writer.text(keyword);
  writer.number(static_cast<std::uint32_t>(state.messages.size()));
  for (std::size_t i = 0; i < state.messages.size(); ++i) {
    const auto& message = state.messages[i];
    const auto& file = state.files_[i];
    writer.number(message.uid.value());
    writer.number(message.modseq.value());
    writer.number(message.keywords);
    writer.number(state.noted_octets(i));
    writer.number(message.flags.bits());
    writer.number(
        static_cast<std::uint8_t>(static_cast<int>(file.info) | (file.in_new ? in_new_bit : 0)));
    writer.number(file.base_bytes);
    writer.number(file.info_bytes);
    writer.out().append(state.names_, file.at, std::size_t{file.base_bytes} + file.info_bytes);
  }
  return std::move(writer.out());
}

std::optional<FolderSnapshot> FolderSnapshot::decode(std::string_view text) {
  if (!text.starts_with(form)) return {};
  Reader reader(text.substr(form.size()));
  FolderSnapshot snapshot;
  auto& stamps = snapshot.stamps;
  for (auto* stamp : {&stamps.fresh, &stamps.cur, &stamps.uidlist, &stamps.keywords}) {
    *stamp = reader.stamp();
  }
  stamps.taken_at_ns = reader.number<std::int64_t>();
  stamps.list_again_at_ns = reader.number<std::int64_t>();
  auto& uidlist = snapshot.uidlist;
  uidlist.uid_validity = reader.number<std::uint32_t>();
  uidlist.next_uid = reader.number<std::uint32_t>();
  uidlist.last_uid = reader.number<std::uint32_t>();
  uidlist.count = reader.number<std::uint32_t>();
  uidlist.read_bytes = reader.number<std::uint64_t>();
  uidlist.stamp = reader.stamp();
  auto list_bits = reader.number<std::uint8_t>();
  uidlist.old_version = (list_bits & old_version_bit) != 0;
  uidlist.has_ids = (list_bits & has_ids_bit) != 0;
  uidlist.header_extensions = reader.text();
  auto& state = snapshot.state;
  state.uid_validity = uidlist.uid_validity;
  state.last_uid = Uid(reader.number<std::uint32_t>());
  state.uid_next = Uid(reader.number<std::uint32_t>());
  state.highest = ModSeq(reader.number<std::uint64_t>());
  auto keywords = reader.number<std::uint32_t>();
  if (keywords > keywords_per_mailbox_max) return {};
  for (std::uint32_t i = 0; i < keywords; ++i) state.keywords.emplace_back(reader.text());
  auto count = reader.number<std::uint32_t>();
  if (count > reader.left() / message_bytes_min) return {};
  state.reserve(count, reader.left() - count * message_bytes_min);
  Uid before(0);
  for (std::uint32_t i = 0; i < count; ++i) {
    Message message{Uid(reader.number<std::uint32_t>()), Flags(), 0, ModSeq(0)};
    message.modseq = ModSeq(reader.number<std::uint64_t>());
    message.keywords = reader.number<KeywordSet>();
    auto octets = reader.number<std::uint32_t>();
    message.flags = Flags(reader.number<std::uint8_t>());
    FolderState::File file;
    auto bits = reader.number<std::uint8_t>();
    file.info = static_cast<FolderState::Info>(bits & ~in_new_bit);
    file.in_new = (bits & in_new_bit) != 0;
    file.base_bytes = reader.number<std::uint8_t>();
    file.info_bytes = reader.number<std::uint8_t>();
    file.at = static_cast<std::uint32_t>(state.names_.size());
    state.names_ += reader.take(std::size_t{file.base_bytes} + file.info_bytes);
    bool is_good = reader.good() && message.uid > before && file.info <= FolderState::Info::Own;
    if (!is_good) return {};
    before = message.uid;
    state.messages.push_back(message);
    state.files_.push_back(file);
    if (!state.octets_.empty()) state.octets_.push_back(0);
    if (octets != 0) state.note_octets(i, octets);
  }
  if (!reader.good() || reader.left() != 0 || state.last_uid < before) return {};
  return snapshot;
}

}  // namespace pennypost::store
