#include "smtpd/migration/dovecot_file.h"

#include <algorithm>

#include "common/base/text.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t sections_deep_max = 20;
constexpr int includes_deep_max = 10;
constexpr int files_max = 1000;  // files that include each other twice would be read without end

Error wrong(const SourcePlace& place, const std::string& what) {
  return Error::permanent(place.file + ":" + std::to_string(place.line) + ": " + what);
}

// A `#` at the beginning or after a blank begins a comment, unless it is quoted.
std::string_view without_comment(std::string_view line) {
  char quote = '\0';
  for (std::size_t i = 0; i < line.size(); ++i) {
    bool is_quote = line[i] == '"' || line[i] == '\'';
    if (quote != '\0') {
      if (line[i] == '\\') {
        ++i;
      } else if (line[i] == quote) {
        quote = '\0';
      }
    } else if (is_quote && (i == 0 || line[i - 1] == ' ' || line[i - 1] == '=')) {
      quote = line[i];
    } else if (line[i] == '#' && (i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t')) {
      return line.substr(0, i);
    }
  }
  return line;
}

std::string unquoted(std::string_view value) {
  bool is_quoted = value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
                   value.back() == value.front();
  if (!is_quoted) return std::string(value);
  std::string out;
  value = value.substr(1, value.size() - 2);
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '\\' && i + 1 < value.size()) ++i;
    out += value[i];
  }
  return out;
}

class Reader {
 public:
  explicit Reader(const DovecotFiles& files) : files_(files) { open_.push_back(&root_); }

  Result<void> read(const std::string& path, bool must_exist, int depth) {
    if (depth > includes_deep_max) {
      return Error::permanent(path + ": files include each other too deeply");
    }
    if (++files_read_ > files_max) {
      return Error::permanent(path + ": more than " + std::to_string(files_max) +
                              " files are included");
    }
    TRY(auto text, files_.read(path));
    if (!text && must_exist) return Error::permanent(path + " does not exist");
    if (!text) return {};
    auto begun = open_.size();
    SourcePlace place{path, 0};
    std::string joined;
    for (auto raw : split(*text, '\n')) {
      ++place.line;
      auto line = trim(without_comment(raw));
      if (line.ends_with('\\')) {
        joined += std::string(trim(line.substr(0, line.size() - 1))) + " ";
        continue;
      }
      joined += line;
      TRY_DO(take(trim(joined), place, depth));
      joined.clear();
    }
    TRY_DO(take(trim(joined), place, depth));
    if (open_.size() != begun) return wrong(place, "a section is not closed by }");
    return {};
  }

  DovecotSection take_tree() { return std::move(root_); }

 private:
  Result<void> take(std::string_view line, const SourcePlace& place, int depth) {
    if (line.empty()) return {};
    if (line.starts_with("!include")) return include(line, place, depth);
    if (line == "}") {
      if (open_.size() == 1) return wrong(place, "a } closes no section");
      open_.pop_back();
      return {};
    }
    auto equals = line.find('=');
    auto brace = line.find('{');
    if (brace < equals) return section(line, brace, place, depth);
    if (equals == line.npos) return wrong(place, "\"" + printable(line, 80) + "\" is no setting");
    open_.back()->settings.push_back({std::string(trim(line.substr(0, equals))),
                                      unquoted(trim(line.substr(equals + 1))), place});
    return {};
  }

  Result<void> section(std::string_view line, std::size_t brace, const SourcePlace& place,
                       int depth) {
    if (open_.size() > sections_deep_max) return wrong(place, "sections are nested too deeply");
    auto head = trim(line.substr(0, brace));
    if (head.empty()) return wrong(place, "a section has no name");
    auto blank = std::min(head.find_first_of(" \t"), head.size());
    DovecotSection made;
    made.kind = head.substr(0, blank);
    made.title = unquoted(trim(head.substr(blank)));
    made.place = place;
    // Pointers into it stay: a section is complete before its parent gets the next one.
    auto& parent = open_.back()->sections;
    parent.push_back(std::move(made));
    open_.push_back(&parent.back());
    auto rest = trim(line.substr(brace + 1));
    bool is_closed = rest.ends_with('}');
    if (is_closed) rest = trim(rest.substr(0, rest.size() - 1));
    TRY_DO(take(rest, place, depth));
    if (is_closed) open_.pop_back();
    return {};
  }

  Result<void> include(std::string_view line, const SourcePlace& place, int depth) {
    auto parts = words(line, " \t");
    bool must_exist = parts[0] == "!include";
    if (parts.size() != 2 || (!must_exist && parts[0] != "!include_try")) {
      return wrong(place, "\"" + printable(line, 80) + "\" names no file to include");
    }
    std::string path(parts[1]);
    if (!path.starts_with('/')) {
      path = place.file.substr(0, place.file.rfind('/') + 1) + path;
    }
    bool is_pattern = path.find('*') != path.npos;
    auto paths = is_pattern ? files_.list(path) : std::vector<std::string>{path};
    for (const auto& one : paths) {
      TRY_DO(read(one, must_exist && !is_pattern, depth + 1));
    }
    return {};
  }

  const DovecotFiles& files_;
  int files_read_ = 0;
  DovecotSection root_;
  std::vector<DovecotSection*> open_;
};

}  // namespace

const DovecotSection::Setting* DovecotSection::find(std::string_view name) const {
  auto found = std::find_if(settings.rbegin(), settings.rend(),
                            [&](const Setting& setting) { return setting.name == name; });
  return found == settings.rend() ? nullptr : &*found;
}

std::string DovecotSection::value(std::string_view name) const {
  const auto* setting = find(name);
  return setting == nullptr ? "" : setting->value;
}

Result<DovecotSection> read_dovecot_file(const std::string& path, const DovecotFiles& files) {
  Reader reader(files);
  TRY_DO(reader.read(path, true, 0));
  return reader.take_tree();
}

}  // namespace pennypost::smtp
