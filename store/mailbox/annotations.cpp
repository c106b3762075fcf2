#include "store/mailbox/annotations.h"

#include <unistd.h>

#include "common/base/text.h"
#include "store/mailbox/dotlock.h"
#include "store/mailbox/file.h"

namespace pennypost::store {
namespace {

constexpr std::string_view head = "pennypost-meta 1";

struct Escape {
  char octet;
  char letter;
};
constexpr Escape escapes[] = {{'\\', '\\'}, {'\n', 'n'}, {'\t', 't'}, {'\0', '0'}};

std::string escaped(std::string_view value) {
  std::string out;
  for (char c : value) {
    char letter = '\0';
    for (const auto& escape : escapes) {
      if (escape.octet == c) letter = escape.letter;
    }
    if (letter != '\0') out += '\\';
    out += letter != '\0' ? letter : c;
  }
  return out;
}

std::optional<std::string> unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (++i == text.size()) return std::nullopt;
    const Escape* found = nullptr;
    for (const auto& escape : escapes) {
      if (escape.letter == text[i]) found = &escape;
    }
    if (found == nullptr) return std::nullopt;
    out += found->octet;
  }
  return out;
}

Error corrupt() {
  return Error(550, ResponseCode::Corruption, "The file of the annotations is damaged");
}

std::string directory_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

bool is_private(std::string_view name) { return name.starts_with("/private/"); }

}  // namespace

// --- another user's ----------------------------------------------------------------------------

AnnotationFile AnnotationFile::beside(std::string_view suffix) const {
  return {path_ + std::string(suffix), brief_lock_ms_, fsync_};
}

AnnotationFile AnnotationFile::as_visited(Visit visit) const {
  auto visited = *this;
  visited.visit_ = std::make_shared<const Visit>(std::move(visit));
  return visited;
}

AnnotationFile AnnotationFile::visitors_own() const {
  return {visit_->private_path, brief_lock_ms_, fsync_};
}

std::vector<std::string> AnnotationFile::paths() const {
  if (visit_) return {path_, visit_->private_path};
  return {path_};
}

// In two files: if the second can't be changed, the first is changed back.
Result<std::vector<std::string>> AnnotationFile::change_visited(const AnnotationChanges& changes,
                                                                std::size_t entries_max) const {
  AnnotationChanges of_visitor;
  AnnotationChanges of_owner;
  for (const auto& [name, value] : changes) {
    (is_private(name) ? of_visitor : of_owner)[name] = value;
  }
  if (!of_owner.empty() && visit_->refusal) return *visit_->refusal;
  AnnotationFile shared(path_, brief_lock_ms_, fsync_);
  TRY(auto before, shared.read());
  std::vector<std::string> changed;
  if (!of_owner.empty()) {
    TRY(changed, shared.change(of_owner, entries_max));
  }
  if (of_visitor.empty()) return changed;
  auto others = visitors_own().change(of_visitor, entries_max);
  if (!others) {
    AnnotationChanges back;
    for (const auto& name : changed) {
      auto was = before.find(name);
      back[name] = was == before.end() ? std::nullopt : std::optional(was->second);
    }
    if (!back.empty()) (void)shared.change(back, entries_max);
    return others;
  }
  if (!others->empty() && visit_->told_private) visit_->told_private();
  changed.insert(changed.end(), others->begin(), others->end());
  return changed;
}

// --- the file ----------------------------------------------------------------------------------

Result<Annotations> AnnotationFile::read() const {
  if (visit_) {
    TRY(auto seen, AnnotationFile(path_, brief_lock_ms_, fsync_).read());
    std::erase_if(seen, [](const auto& entry) { return is_private(entry.first); });
    TRY(auto own, visitors_own().read());
    seen.merge(own);
    return seen;
  }
  TRY(auto text, read_file(path_, file_bytes_max));
  if (!text) return Annotations();
  auto found = parse(*text);
  if (!found) {
    return Error(550, ResponseCode::Corruption, path_ + " is no file of annotations: remove it")
        .told(found.error().text());
  }
  return found;
}

Result<std::vector<std::string>> AnnotationFile::change(const AnnotationChanges& changes,
                                                        std::size_t entries_max) const {
  if (visit_) return change_visited(changes, entries_max);
  DotlockRule rule;
  rule.delay_ms = 50;
  rule.brief_ms = brief_lock_ms_;
  TRY(auto lock, Dotlock::take(path_, rule));
  TRY(auto annotations, read());
  std::vector<std::string> changed;
  for (const auto& [name, value] : changes) {
    auto at = annotations.find(name);
    bool was_there = at != annotations.end();
    if (value ? was_there && at->second == *value : !was_there) continue;
    changed.push_back(name);
    if (value) {
      annotations[name] = *value;
    } else {
      annotations.erase(at);
    }
  }
  if (changed.empty()) return changed;
  if (annotations.size() > entries_max) {
    return Error(550, ResponseCode::Limit,
                 "There can be no more than " + std::to_string(entries_max) + " annotations");
  }
  TRY_DO(write(annotations));
  return changed;
}

Result<void> AnnotationFile::write(const Annotations& annotations) const {
  auto directory = directory_of(path_);
  if (annotations.empty()) {
    if (::unlink(path_.c_str()) != 0 && errno != ENOENT) return file_error("remove", path_);
  } else {
    auto text = text_of(annotations);
    if (text.size() > file_bytes_max) {
      return Error(550, ResponseCode::Limit, "The annotations are too large in all");
    }
    TRY_DO(replace_file(path_, path_ + ".tmp", text, fsync_));
  }
  return fsync_ ? sync_directory(directory) : Result<void>();
}

Result<Annotations> AnnotationFile::parse(std::string_view text) {
  auto lines = split(text, '\n');
  // The last line is ended as well: behind it nothing follows.
  if (lines.size() < 2 || lines.front() != head || !lines.back().empty()) return corrupt();
  Annotations annotations;
  for (std::size_t i = 1; i + 1 < lines.size(); ++i) {
    auto tab = lines[i].find('\t');
    if (tab == std::string_view::npos || !lines[i].starts_with('/')) return corrupt();
    auto value = unescaped(lines[i].substr(tab + 1));
    if (!value) return corrupt();
    annotations[std::string(lines[i].substr(0, tab))] = *std::move(value);
  }
  return annotations;
}

std::string AnnotationFile::text_of(const Annotations& annotations) {
  std::string text = std::string(head) + "\n";
  for (const auto& [name, value] : annotations) text += name + "\t" + escaped(value) + "\n";
  return text;
}

}  // namespace pennypost::store
