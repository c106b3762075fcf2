#include "store/mbox/writer.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "common/base/text.h"
#include "store/mailbox/file.h"

namespace pennypost::store {
namespace {

constexpr std::array<std::pair<MboxField, std::string_view>, 5> written_fields{{
    {MboxField::BaseLine, "X-IMAPbase: "},
    {MboxField::UidLine, "X-UID: "},
    {MboxField::StatusLine, "Status: "},
    {MboxField::XStatusLine, "X-Status: "},
    {MboxField::KeywordsLine, "X-Keywords: "},
}};

// About how much the fields of one message may add to it.
constexpr std::uint64_t fields_octets = 256;

// The message after it was moved up by `octets` towards the end of the file.
MboxEntry moved(MboxEntry entry, std::uint64_t octets) {
  for (auto* offset : {&entry.from_offset, &entry.header_offset, &entry.body_offset,
                       &entry.end_offset, &entry.next_offset}) {
    *offset += octets;
  }
  return entry;
}

}  // namespace

std::uint64_t MboxWriter::octets_of_rewrite(const Plans& plans, std::size_t first) const {
  std::uint64_t octets = 0;
  for (auto i = first; i < plans.size(); ++i) {
    if (plans[i].drop) continue;
    octets += entries_[i].next_offset - entries_[i].from_offset + fields_octets;
  }
  return octets;
}

// Patches in place up to the first message that does not fit; a rewrite from there on.
Result<MboxWriter::Work> MboxWriter::work(const Plans& plans) const {
  Work work;
  auto first = first_kept(plans);
  auto& i = work.rewrite_from;
  for (; i < plans.size() && !plans[i].drop; ++i) {
    bool has_base = i == first;
    if (!plans[i].changed && !has_base) continue;
    TRY(auto patched, patch(entries_[i], plans[i].meta, has_base ? &base_ : nullptr));
    if (!patched.fits) break;
    work.patches.push_back(std::move(patched));
  }
  return work;
}

Result<std::uint64_t> MboxWriter::room_wanted(const Plans& plans) const {
  TRY(auto work, this->work(plans));
  if (work.rewrite_from >= end_of_kept(plans)) return std::uint64_t{0};
  return octets_of_rewrite(plans, work.rewrite_from);
}

Result<void> MboxWriter::write(const Plans& plans) const {
  TRY(auto work, this->work(plans));
  if (work.rewrite_from < end_of_kept(plans)) {
    return rewrite(plans, work.rewrite_from, work.patches);
  }
  for (const auto& patched : work.patches) {
    TRY_DO(apply(patched));
  }
  return work.rewrite_from < plans.size() ? cut_at(entries_[work.rewrite_from]) : Result<void>();
}

Result<void> MboxWriter::write_what_fits(const Plans& plans) const {
  for (std::size_t i = 0; i < plans.size(); ++i) {
    if (!plans[i].changed) continue;
    auto base = entries_[i].base;
    TRY(auto patched, patch(entries_[i], plans[i].meta, base ? &*base : nullptr));
    if (patched.fits) {
      TRY_DO(apply(patched));
    }
  }
  return {};
}

std::size_t MboxWriter::first_kept(const Plans& plans) {
  auto kept = std::ranges::find(plans, false, &MboxPlan::drop);
  return static_cast<std::size_t>(kept - plans.begin());
}

std::size_t MboxWriter::end_of_kept(const Plans& plans) {
  auto end = plans.size();
  while (end > 0 && plans[end - 1].drop) --end;
  return end;
}

// Removes the message and all behind it.
Result<void> MboxWriter::cut_at(const MboxEntry& entry) const {
  TRY_DO(layout_.disk().truncate(descriptor_, entry.from_offset, path_));
  return layout_.disk().sync(descriptor_, path_);
}

// --- in place ------------------------------------------------------------------------

Result<MboxWriter::Patch> MboxWriter::patch(const MboxEntry& entry, const MboxMeta& meta,
                                            const MboxBase* base) const {
  TRY(auto header,
      read_range(descriptor_, entry.header_offset, entry.body_offset - entry.header_offset, path_));
  Patch none;
  none.fits = false;
  Patch patch;
  std::array<bool, written_fields.size()> seen{};
  auto wanted = [&](MboxField field) {
    return field == MboxField::BaseLine ? (base == nullptr ? "" : base->value())
                                        : meta.value(field);
  };
  for (std::size_t at = 0; at < header.size();) {
    auto end = std::min(header.find('\n', at), header.size());
    auto line = std::string_view(header).substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    auto field = field_of(line);
    for (std::size_t i = 0; i < written_fields.size(); ++i) {
      if (written_fields[i].first != field) continue;
      auto text = std::string(written_fields[i].second) + wanted(field);
      // A base that does not belong here, a duplicate line, or one that is too short.
      if (seen[i] || text.size() > line.size()) return none;
      if (field == MboxField::BaseLine && base == nullptr) return none;
      seen[i] = true;
      text.resize(line.size(), ' ');
      if (text != line) patch.writes.emplace_back(entry.header_offset + at, std::move(text));
    }
    at = end + 1;
  }
  for (std::size_t i = 0; i < written_fields.size(); ++i) {
    if (!seen[i] && !wanted(written_fields[i].first).empty()) return none;
  }
  return patch;
}

Result<void> MboxWriter::apply(const Patch& patch) const {
  for (const auto& [offset, text] : patch.writes) {
    TRY_DO(layout_.disk().write(descriptor_, offset, text, path_));
  }
  return {};
}

// --- by a journal --------------------------------------------------------------------

Result<void> MboxWriter::rewrite(const Plans& plans, std::size_t first,
                                 const std::vector<Patch>& patches) const {
  // Not begun at all if it would fill the disk.
  if (layout_.room() < octets_of_rewrite(plans, first)) {
    return file_error("rewrite", path_, ENOSPC);
  }
  TRY(auto journal, layout_.new_journal(name_, descriptor_));
  TRY_DO(journal.start(entries_[first].from_offset));
  auto filled = fill(journal, plans, first);
  // The last UID must be in the file before a message with it.
  for (const auto& patched : patches) {
    if (filled) filled = apply(patched);
  }
  if (!filled) {
    journal.abandon();
    return filled;
  }
  return journal.commit();
}

Result<void> MboxWriter::fill(MboxJournal& journal, const Plans& plans, std::size_t first) const {
  auto with_base = first_kept(plans);
  for (auto i = first; i < plans.size(); ++i) {
    if (plans[i].drop) continue;
    const auto& entry = entries_[i];
    TRY_DO(journal.copy(entry.from_offset, entry.header_offset));
    TRY(auto fields, header(entry, plans[i].meta, i == with_base ? &base_ : nullptr));
    TRY_DO(journal.add(fields));
    TRY_DO(journal.copy(entry.body_offset, entry.next_offset));
  }
  return {};
}

// The header with these fields, and the empty line after it.
Result<std::string> MboxWriter::header(const MboxEntry& entry, const MboxMeta& meta,
                                       const MboxBase* base) const {
  TRY(auto shown, shown_header(descriptor_, entry, path_));
  if (!shown.empty() && !shown.ends_with('\n')) shown += '\n';
  // The shown header is unquoted, so lines that look like From_ lines are quoted again.
  std::string text;
  for (auto rest = std::string_view(shown); !rest.empty();) {
    auto line = rest.substr(0, rest.find('\n') + 1);
    if (line.starts_with("From ") || is_quoted_from(line)) text += '>';
    text += line;
    rest.remove_prefix(line.size());
  }
  return text + meta_lines(meta, base) + "\n";
}

// --- without room --------------------------------------------------------------------

Result<void> MboxWriter::remove_in_place(const Plans& plans) const {
  auto end = end_of_kept(plans);
  auto first_dropped =
      static_cast<std::size_t>(std::ranges::find(plans, true, &MboxPlan::drop) - plans.begin());
  auto first = first_kept(plans);
  std::vector<bool> unfit(plans.size());
  for (std::size_t i = 0; i < end; ++i) {
    if (plans[i].drop || (!plans[i].changed && i != first)) continue;
    TRY(auto patched, patch(entries_[i], plans[i].meta, i == first ? &base_ : nullptr));
    unfit[i] = !patched.fits;
    TRY_DO(apply(patched));
  }
  if (end < plans.size()) {
    // This may already make room for a reserve.
    TRY_DO(cut_at(entries_[end]));
  }
  if (first_dropped >= end) return {};
  TRY(auto gap, layout_.new_gap(name_, descriptor_));
  TRY_DO(gap.open(entries_[first_dropped].from_offset, entries_[first_dropped].next_offset));
  TRY_DO(move_gap(gap, plans, first_dropped, unfit));
  return gap.close();
}

// Moves the gap over the messages, from the first that lacks fields or is dropped, to the last.
Result<void> MboxWriter::move_gap(MboxGap& gap, const Plans& plans, std::size_t first_dropped,
                                  const std::vector<bool>& unfit) const {
  auto first = static_cast<std::size_t>(std::ranges::find(unfit, true) - unfit.begin());
  first = std::min(first, first_dropped);
  // The original offset of what now follows the gap.
  auto at = entries_[first_dropped].from_offset;
  TRY_DO(gap.retreat(at - entries_[first].from_offset));
  at = entries_[first].from_offset;
  auto with_base = first_kept(plans);
  for (auto i = first; i < end_of_kept(plans); ++i) {
    const auto& entry = entries_[i];
    if (i == first_dropped) {
      TRY_DO(gap.advance(entry.from_offset - at));
      at = entry.next_offset;
    } else if (plans[i].drop) {
      TRY_DO(gap.advance(entry.from_offset - at));
      TRY_DO(gap.replace(entry.next_offset - entry.from_offset, ""));
      at = entry.next_offset;
    } else if (unfit[i]) {
      TRY_DO(gap.advance(entry.header_offset - at));
      at = entry.header_offset;
      TRY(auto fields,
          header(moved(entry, gap.end() - at), plans[i].meta, i == with_base ? &base_ : nullptr));
      auto old_bytes = entry.body_offset - entry.header_offset;
      if (!gap.fits(old_bytes, fields)) continue;
      TRY_DO(gap.replace(old_bytes, fields));
      at = entry.body_offset;
    }
  }
  return {};
}

}  // namespace pennypost::store
