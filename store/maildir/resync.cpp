#include "store/maildir/resync.h"

#include <string_view>
#include <vector>

#include "store/maildir/listing.h"

namespace pennypost::store {
namespace {

// A file that is renamed meanwhile may be missing in one listing.
constexpr int listings = 3;
constexpr std::size_t expected_files = 1000;

}  // namespace

Result<Resynced> resync_folder(const MaildirLayout& layout, const MailboxName& name) {
  TRY_DO(layout.require(name));
  auto uidlist = layout.uidlist(name);
  TRY(auto lock, uidlist.lock());
  TRY(auto records, uidlist.reread());
  Listing listing(expected_files);
  for (int count = 0; count < listings; ++count) {
    TRY_DO(listing.list_both(layout.directory(name), layout.settings().messages_max));
  }
  Resynced done;
  for (const auto& record : records.all) {
    if (auto* file = listing.find(record.base)) file->uid = record.uid;
  }
  // The last record of a name counts; those before it are as stale as those without a file.
  auto is_stale = [&](const UidRecords::Record& record) {
    auto* file = listing.find(record.base);
    bool is_last = file != nullptr && file->uid == record.uid;
    if (!is_last) ++done.dropped;
    return !is_last;
  };
  if (uidlist.uid_validity() == 0) {
    TRY_DO(uidlist.give({}, lock));
  }
  TRY_DO(uidlist.renew(is_stale, lock));
  std::vector<std::string_view> bases;
  for (const auto* file : listing.without_uid()) bases.push_back(listing.base(*file));
  if (!bases.empty()) {
    TRY_DO(uidlist.give(bases, lock));
  }
  done.messages = listing.files().size();
  done.added = bases.size();
  return done;
}

}  // namespace pennypost::store
