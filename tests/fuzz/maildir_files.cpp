// The files that lie in a Maildir beside the mail, and the names of the mail itself: any program of
// the user's may write them. No crash, and what is read means the same when written again.
//
// The first byte chooses the file; for a list of UIDs it also says where the reader has stopped
// before.
#include <algorithm>
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "store/index/encoding.h"
#include "store/mailbox/annotations.h"
#include "store/mailbox/folders.h"
#include "store/mailbox/keyword.h"
#include "store/mailbox/location.h"
#include "store/maildir/filename.h"
#include "store/maildir/folder_list.h"
#include "store/maildir/folder_snapshot.h"
#include "store/maildir/keywords.h"
#include "store/maildir/layout.h"
#include "store/maildir/quota.h"
#include "store/maildir/uidlist.h"
#include "store/sharing/acl.h"
#include "store/sharing/share_register.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

/// Read at once or in two goes, the list says the same.
void uidlist(std::string_view text, std::size_t stop) {
  UidRecords whole{std::string(text)};
  UidList::Mark mark;
  if (!mark.read(whole)) return;
  std::uint32_t before = 0;
  for (const auto& record : whole.all) {
    ASSERT(record.uid.value() > before && !record.base.empty());
    ASSERT(record.base.find('/') == record.base.npos);
    (void)record.extension('W');
    before = record.uid.value();
  }
  ASSERT(mark.last_uid == before && mark.count == whole.all.size());
  ASSERT(mark.next_uid > mark.last_uid && mark.read_bytes <= text.size());

  UidList::Mark resumed;
  UidRecords first(std::string(text.substr(0, stop)));
  ASSERT(resumed.read(first));
  UidRecords second(std::string(text.substr(resumed.read_bytes)));
  ASSERT(resumed.read(second));
  ASSERT(resumed == mark && first.all.size() + second.all.size() == whole.all.size());
}

void keywords(std::string_view text) {
  auto names = parse_keywords(text);
  ASSERT(names.size() <= keywords_per_mailbox_max);
  std::string written;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) continue;
    ASSERT(is_keyword(names[i]));
    written += std::to_string(i) + " " + names[i] + "\n";
  }
  auto again = parse_keywords(written);
  names.resize(again.size());
  ASSERT(again == names);
}

void maildirsize(std::string_view text) {
  auto size = MaildirSize::parse(text);
  if (!size.is_sound) ASSERT(size.usage.bytes == 0 && size.usage.messages == 0);
  ASSERT(!size.usage.bytes_max || *size.usage.bytes_max > 0);
}

void subscriptions(std::string_view text) {
  for (char separator : {'.', '/'}) {
    auto names = Subscriptions::parse(text, separator);
    auto again = Subscriptions::parse(Subscriptions::text_of(names, separator), separator);
    ASSERT(again == names);
  }
}

void folder_name(std::string_view text) {
  if (auto utf8 = modified_utf7_decode(text)) ASSERT(modified_utf7_encode(*utf8) == text);
  if (auto utf7 = modified_utf7_encode(text)) ASSERT(modified_utf7_decode(*utf7) == text);
  for (char separator : {'.', '/'}) {
    auto name = MailboxName::parse(text, separator, 10, 255);
    if (!name) continue;
    ASSERT(modified_utf7_encode(name->text()));
    auto again = MailboxName::parse(name->text(), separator, 10, 255);
    ASSERT(again && *again == *name);
    for (auto kind : {FolderKind::Mailbox, FolderKind::Leaf, FolderKind::Directory}) {
      (void)folder_tree({{*name, kind}}, separator, {*name}, StoreSettings());
    }
  }
}

void file_name(std::string_view name) {
  auto parsed = FilenameFlags::parse(name);
  if (!is_message_name(name)) return;
  auto renamed = parsed.apply(name);
  auto again = FilenameFlags::parse(renamed);
  ASSERT(again.flags == parsed.flags && again.keywords == parsed.keywords);
  ASSERT(base_of(renamed) == base_of(name) && again.apply(renamed) == renamed);
  (void)size_in_name(base_of(name), 'S');
  (void)seconds_in_name(name);
}

/// A name from a client becomes a directory below the root of LAYOUT=fs, or none.
void nested_folder(std::string_view text) {
  static const MaildirLayout layout(*MailLocation::parse("maildir:/m:LAYOUT=fs:CONTROL=/c", {}),
                                    {});
  auto name = MailboxName::parse(text, layout.separator_on_disk());
  if (!name || name->is_inbox() || !layout.check(*name)) return;
  auto directory = layout.directory(*name);
  ASSERT(directory.starts_with("/m/"));
  ASSERT(layout.control(*name) == "/c" + directory.substr(2));
  bool is_first = true;
  for (auto level : split(std::string_view(directory).substr(3), '/')) {
    ASSERT(!level.empty() && !is_kept_name(level, is_first));
    is_first = false;
  }
  auto on_disk = modified_utf7_decode(directory.substr(3));
  ASSERT(on_disk && layout.names().outside(*on_disk) == *name);
}

void location(std::string_view text) {
  auto checked = MailLocation::check(text);
  auto parsed = MailLocation::parse(text, {"bob@example.org", "/home/bob"});
  if (!parsed) return;
  ASSERT(checked);
  for (const auto* path : {&parsed->root, &parsed->inbox, &parsed->index}) {
    ASSERT(path->starts_with('/'));
  }
  // What is sent between processes is the text, which must mean the same.
  auto again = MailLocation::parse(parsed->text(), {});
  ASSERT(again && again->text() == parsed->text());
  ASSERT(again->root == parsed->root && again->inbox == parsed->inbox);
  ASSERT(again->index == parsed->index && again->control == parsed->control);
}

void snapshot(std::string_view text) {
  auto found = FolderSnapshot::decode(text);
  if (!found) return;
  std::uint32_t before = 0;
  for (const auto& message : found->state.messages) {
    ASSERT(message.uid.value() > before);
    before = message.uid.value();
  }
  auto written = FolderSnapshot::encode(found->stamps, found->uidlist, found->state);
  auto again = FolderSnapshot::decode(written);
  ASSERT(again);
  ASSERT(FolderSnapshot::encode(again->stamps, again->uidlist, again->state) == written);
}

void annotations(std::string_view text) {
  auto found = AnnotationFile::parse(text);
  if (!found) return;
  auto again = AnnotationFile::parse(AnnotationFile::text_of(*found));
  ASSERT(again && *again == *found);
}

void acl(std::string_view text) {
  auto found = Acl::parse(text);
  if (!found) return;
  ASSERT(found->entries().size() <= Acl::entries_max);
  auto again = Acl::parse(found->text());
  ASSERT(again && *again == *found);
  for (bool is_owner : {false, true}) {
    Visitor visitor{"bob", is_owner, "", {"staff", "ops"}};
    ASSERT(found->rights_of(visitor) == again->rights_of(visitor));
  }
  for (const auto& entry : found->entries()) {
    auto parsed = Identifier::parse_imap(entry.who.imap_text());
    if (parsed && entry.who.kind != Identifier::Kind::User) ASSERT(*parsed == entry.who);
  }
}

void shares(std::string_view text) {
  auto found = ShareRegister::parse(text);
  if (!found) return;
  auto again = ShareRegister::parse(ShareRegister::text_of(*found));
  ASSERT(again && *again == *found);
}

void block(std::string_view text) {
  std::size_t states = 0;
  for_each_state(7, text, [&](const Index::State& state) {
    ASSERT(state.flags.bits() <= Flags::all_bits);
    ++states;
  });
  ASSERT(states <= text.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'k':
      keywords(text);
      break;
    case 'q':
      maildirsize(text);
      break;
    case 's':
      subscriptions(text);
      break;
    case 'n':
      folder_name(text);
      break;
    case 'd':
      nested_folder(text);
      break;
    case 'f':
      file_name(text);
      break;
    case 'l':
      location(text);
      break;
    case 'i':
      snapshot(text);
      break;
    case 'a':
      annotations(text);
      break;
    case 'b':
      block(text);
      break;
    case 'c':
      acl(text);
      break;
    case 'r':
      shares(text);
      break;
    default:
      uidlist(text, std::min<std::size_t>(data[0], text.size()));
  }
  return 0;
}
