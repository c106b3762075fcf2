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

}  // namespace

Result<Annotations> AnnotationFile::read() const {
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
